"""A DICOMweb server: queries (QIDO-RS), the files of a series (WADO-RS), and results into it (STOW-RS); all bounded.

By hand, because dicomweb-client bounds neither the time nor the bytes of a series, takes a page for the whole, and encodes
what it asks for, which Orthanc 1.10 does not decode.
"""

import json
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from lesion_tracker.errors import PacsError
from lesion_tracker.pacs.bounded_http import BoundedHttp
from lesion_tracker.pacs.multipart import boundary_of, split_parts
from lesion_tracker.pacs.query import MORE_ARE_LEFT, Item, Page, Queries, addresses_of

logger = logging.getLogger(__name__)

OTHER_FORM = frozenset({400, 406, 413, 422})
"""The server does not understand this form of a question; it may understand another one."""

GONE = frozenset({404, 410})
FILES = (
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
)
"""How the files of a series are asked for: as they are stored; or, where a server does not know that, as it likes."""

ONE_FILE = "application/dicom"
ANSWERS_TO_STORE = frozenset({202, 409})
"""Beside 200: some or all were not taken; the body says which."""


@dataclass(frozen=True)
class Headers:
    """What a PACS says of a series' instances now.

    Args:
        items: their headers without pixels; none: it has no such series.
        etag: its own mark of this state, "" where it gives none.
    """

    items: list[Item]
    etag: str = ""


class DicomWeb:
    """Asks one DICOMweb server; safe for threads. Every call ends within a bound, with an answer or a PacsError.

    Args:
        address: the server's base address, `http://…/dicom-web`.
        login: user and password, where it wants them.
        timeout_s: for an answer to begin, and between two pieces of it; also the whole of a page.
        download_s: for all files of a series, and all pages of a query.
        answer_mb: MiB of one page or of a series' headers, unpacked.
        series_mb: MiB of all files of a series.
        qido_prefix: path of queries below the address, or "".
        wado_prefix: path of files below the address, or "".
    """

    def __init__(
        self,
        address: str,
        *,
        login: tuple[str, str] | None = None,
        timeout_s: float = 20.0,
        download_s: float = 600.0,
        answer_mb: float = 256.0,
        series_mb: float = 4096.0,
        qido_prefix: str = "",
        wado_prefix: str = "",
    ) -> None:
        self.address = address.rstrip("/")
        self._http = BoundedHttp(self.address, login, timeout_s)
        self._timeout_s, self._download_s = timeout_s, download_s
        self._answer_mb, self._series_mb = answer_mb, series_mb
        self._qido = "/".join(part for part in (self.address, qido_prefix.strip("/")) if part)
        self._wado = "/".join(part for part in (self.address, wado_prefix.strip("/")) if part)
        self._queries = Queries(self._page)

    def search(self, what: str, filters: Mapping[str, str], fields: tuple[str, ...] = ()) -> list[Item]:
        """Return all matches of a query; see `matches`."""
        return list(self.matches(what, filters, fields))

    def matches(self, what: str, filters: Mapping[str, str], fields: tuple[str, ...] = ()) -> Iterator[Item]:
        """Yield all matches of a query; who needs one only takes it and asks for no further pages.

        Args:
            what: "studies", "series", or "studies/<uid>/series".
            filters: DICOM keywords and values; the matches may be more, so compare them.
            fields: keywords of further elements to return.

        Raises:
            PacsError: if the server does not answer, refuses, answers nonsense, or keeps back a part.
        """
        end = time.monotonic() + self._download_s
        found = 0
        for address in addresses_of(what, filters):
            for item in self._queries.every_match(address, fields):
                found += 1
                yield item
                self._http.refuse_late(end, self._download_s)
            if found:
                return

    def metadata(self, study_uid: str, series_uid: str) -> Headers:
        """Return the headers of all instances of a series, without their pixels.

        Raises:
            PacsError: as `matches`.
        """
        url = f"{self._wado}/studies/{study_uid}/series/{series_uid}/metadata"
        with self._http.get(url, "application/dicom+json", accepted=GONE) as answer:
            if answer.status_code in GONE:
                return Headers([])
            if _is_cut(answer):
                raise PacsError(f"the PACS at {self.address} sends a part of the headers of series {series_uid} only")
            return Headers(self._items(answer), answer.headers.get("ETag", ""))

    def download(self, study_uid: str, series_uid: str, folder: Path) -> int:
        """Write the files of a series into a folder, as 00001.dcm, 00002.dcm, …, and return their number.

        Raises:
            PacsError: as `matches`, and if the answer ends early, is too large or takes longer than `download_s`.
            OSError: if the files cannot be written.
        """
        start = time.monotonic()
        with self._files(f"{self._wado}/studies/{study_uid}/series/{series_uid}") as answer:
            kind = answer.headers.get("Content-Type", "")
            is_one = kind.partition(";")[0].strip().lower() == ONE_FILE
            boundary = b"" if is_one else boundary_of(kind)
            with tempfile.NamedTemporaryFile(dir=folder) as body:
                self._http.receive(answer, body, start + self._download_s, self._download_s, self._series_mb)
                number = 0
                for part in [Path(body.name).read_bytes()] if is_one else split_parts(body.fileno(), boundary):
                    number += 1
                    (folder / f"{number:05d}.dcm").write_bytes(part)
        logger.info("fetched %d files of series %s in %.1f s", number, series_uid, time.monotonic() - start)
        return number

    def proxied(self, path: str, query: str, accept: str, encoding: str) -> requests.Response:
        """Return the answer to what a viewer asks; its status is 200, 204 or 206, its body (`body_of`) is still to come.

        Args:
            path: below the address; built by whoever asks, not by whoever is asked.
            query: encoded.
            accept: the viewer's Accept header.
            encoding: its Accept-Encoding header.

        Raises:
            PacsError: as `matches`.
        """
        is_query = path.split("/")[-1] in ("studies", "series", "instances")
        url = f"{self._qido if is_query else self._wado}/{path}"
        answer = self._http.get(f"{url}?{query}" if query else url, accept, encoding)
        try:
            self._http.refuse_promised(answer, self._series_mb)
        except PacsError:
            answer.close()
            raise
        return answer

    def body_of(self, answer: requests.Response) -> Iterator[bytes]:
        """Yield a body as it comes, still compressed where the PACS compressed it, within the limits of a series.

        Raises:
            PacsError: if it is too large or takes too long.
        """
        with answer:
            end = time.monotonic() + self._download_s
            yield from self._http.pieces(answer, end, self._download_s, self._series_mb, unpacked=False)

    def store(self, study_uid: str, body: bytes, kind: str) -> tuple[int, bytes]:
        """Send instances of a study once, and return the status of what the PACS answers, 200, 202 or 409, and its body.

        Args:
            study_uid: StudyInstanceUID.
            body: multipart.
            kind: its Content-Type.

        Raises:
            PacsError: for any other answer, or none: whether it took anything is not known then.
        """
        with (
            self._http.post(f"{self._wado}/studies/{study_uid}", body, kind, ANSWERS_TO_STORE) as answer,
            tempfile.TemporaryFile() as file,
        ):
            self._http.receive(answer, file, time.monotonic() + self._timeout_s, self._timeout_s, self._answer_mb)
            file.seek(0)
            return answer.status_code, file.read()

    def _files(self, url: str) -> requests.Response:
        """Return the answer with the files of a series, asked for in the form that the server understands."""
        answer = self._http.get(url, FILES[0], accepted=OTHER_FORM)
        if answer.status_code in OTHER_FORM:
            answer.close()
            answer = self._http.get(url, FILES[1])
        return answer

    def _page(self, path: str) -> Page | None:
        """Return one page of a query, None where the server refuses this form of it."""
        with self._http.get(f"{self._qido}/{path}", "application/dicom+json", accepted=OTHER_FORM) as answer:
            if answer.status_code in OTHER_FORM:
                return None
            return Page(self._items(answer), _is_cut(answer))

    def _items(self, answer: requests.Response) -> list[Item]:
        if answer.status_code == 204 or answer.headers.get("Content-Length") == "0":
            return []
        with tempfile.TemporaryFile() as body:
            self._http.receive(answer, body, time.monotonic() + self._timeout_s, self._timeout_s, self._answer_mb)
            body.seek(0)
            try:
                items = json.loads(body.read())
            except (ValueError, RecursionError):
                items = None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise PacsError(f"{answer.url} does not answer with DICOM JSON: is this the address of a DICOMweb server?")
        return [{tag.upper(): element for tag, element in item.items()} for item in items]


def _is_cut(answer: requests.Response) -> bool:
    """Say whether the server says that an answer is not the whole."""
    return answer.status_code == 206 or bool(MORE_ARE_LEFT.search(answer.headers.get("Warning", "")))
