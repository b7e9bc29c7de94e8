"""A DICOMweb server: queries (QIDO-RS) and the files of a series (WADO-RS), bounded in time and tries.

By hand, because dicomweb-client bounds neither the time of a series nor the pages of an answer, and encodes what it asks
for, which Orthanc 1.10 does not decode.
"""

import json
import logging
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from lesion_tracker.errors import PacsError
from lesion_tracker.pacs.multipart import boundary_of, split_parts

logger = logging.getLogger(__name__)

TRIES = 3
"""A PACS that is down (refused, reset, or 502, 503, 504) is asked so often."""

PAUSE_S = 0.5
"""Between the first two tries; doubled each time."""

CONNECT_S = 5.0
PAGE = 500
MOST_PAGES = 40
CHUNK_BYTES = 1 << 20
RETRIED = (429, 502, 503, 504)

Item = dict[str, Any]
"""One answer in DICOM's JSON model: {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, …}."""


class DicomWeb:
    """Asks one DICOMweb server; safe for threads. Every call ends within a bound, with an answer or a PacsError.

    Args:
        address: the server's base address, `http://…/dicom-web`.
        login: user and password, where it wants them.
        timeout_s: for an answer to begin, and between two pieces of it; also the whole of a query.
        download_s: for all files of a series.
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
        qido_prefix: str = "",
        wado_prefix: str = "",
    ) -> None:
        self.address = address.rstrip("/")
        self._login = login
        self._timeout_s, self._download_s = timeout_s, download_s
        self._qido = "/".join(part for part in (self.address, qido_prefix.strip("/")) if part)
        self._wado = "/".join(part for part in (self.address, wado_prefix.strip("/")) if part)

    def search(self, what: str, filters: Mapping[str, str], fields: tuple[str, ...] = ()) -> list[Item]:
        """Return all matches of a query, page by page.

        Args:
            what: "studies", "series", or "studies/<uid>/series".
            filters: DICOM keywords and values; the matches may be more, so compare them: a character that would have to be
                encoded becomes a wildcard, because Orthanc 1.10 does not decode queries.
            fields: keywords of further elements to return.

        Raises:
            PacsError: if the server does not answer, refuses, or answers nonsense.
        """
        found: list[Item] = []
        for _ in range(MOST_PAGES):
            values = [f"{name}={_pattern(value)}" for name, value in filters.items()]
            values += [*(f"includefield={field}" for field in fields), f"limit={PAGE}", f"offset={len(found)}"]
            page = self._json(f"{self._qido}/{what}?{'&'.join(values)}")
            new = [item for item in page if item not in found] if found else page
            found += new
            if len(page) < PAGE or not new:
                return found
        raise PacsError(
            f"the PACS at {self.address} has more than {PAGE * MOST_PAGES} {what} for this query; narrow it"
        )

    def metadata(self, study_uid: str, series_uid: str) -> list[Item]:
        """Return the headers of all instances of a series, without their pixels.

        Raises:
            PacsError: as `search`.
        """
        return self._json(f"{self._wado}/studies/{study_uid}/series/{series_uid}/metadata")

    def download(self, study_uid: str, series_uid: str, folder: Path) -> int:
        """Write the files of a series into a folder, as 00001.dcm, 00002.dcm, …, and return their number.

        Raises:
            PacsError: as `search`, and if the answer ends early or takes longer than `download_s`.
            OSError: if the files cannot be written.
        """
        start = time.monotonic()
        url = f"{self._wado}/studies/{study_uid}/series/{series_uid}"
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        with self._get(url, accept) as answer, tempfile.TemporaryFile(dir=folder) as body:
            boundary = boundary_of(answer.headers.get("Content-Type", ""))
            self._receive(answer, body, start + self._download_s, self._download_s)
            number = 0
            for part in split_parts(body.fileno(), boundary):
                number += 1
                (folder / f"{number:05d}.dcm").write_bytes(part)
        logger.info("fetched %d files of series %s in %.1f s", number, series_uid, time.monotonic() - start)
        return number

    def proxied(self, path: str, query: str, accept: str, encoding: str) -> requests.Response:
        """Return the answer to what a viewer asks; its body is still to come, and its status may be any but 401 and 5xx.

        Args:
            path: below the address, beginning with studies, series or instances.
            query: as the viewer sent it, still encoded.
            accept: the viewer's Accept header.
            encoding: its Accept-Encoding header.

        Raises:
            PacsError: as `search`.
        """
        is_query = path.split("/")[-1] in ("studies", "series", "instances")
        url = f"{self._qido if is_query else self._wado}/{path}"
        return self._get(f"{url}?{query}" if query else url, accept, encoding)

    def _json(self, url: str) -> list[Item]:
        with self._get(url, "application/dicom+json") as answer, tempfile.TemporaryFile() as body:
            if answer.status_code == 204:
                return []
            self._receive(answer, body, time.monotonic() + self._timeout_s, self._timeout_s)
            body.seek(0)
            try:
                items = json.loads(body.read())
            except ValueError:
                items = None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise PacsError(f"{url} does not answer with DICOM JSON: is this the address of a DICOMweb server?")
        return items

    def _receive(self, answer: requests.Response, body: Any, end: float, limit_s: float) -> None:
        """Write the body to a file as it comes; read1 returns after each piece, so that the limit holds for drops, too."""
        try:
            while chunk := answer.raw.read1(CHUNK_BYTES, decode_content=True):
                body.write(chunk)
                if time.monotonic() > end:
                    raise PacsError(
                        f"the PACS at {self.address} is too slow: its answer was not whole in {limit_s:g} s"
                    )
        except HTTPError as error:
            raise PacsError(
                f"the PACS at {self.address} broke off in the middle of its answer: {_cause(error)}"
            ) from None
        body.flush()

    def _get(self, url: str, accept: str, encoding: str = "gzip, identity") -> requests.Response:
        """Return an answer whose status is good; its body is still to come."""
        for left in range(TRIES - 1, -1, -1):
            try:
                answer = requests.get(
                    url,
                    headers={"Accept": accept, "Accept-Encoding": encoding},
                    auth=self._login,
                    timeout=(min(CONNECT_S, self._timeout_s), self._timeout_s),
                    stream=True,
                )
            except requests.ReadTimeout:
                raise PacsError(f"the PACS at {self.address} did not answer within {self._timeout_s:g} s") from None
            except requests.RequestException as error:
                problem = _cause(error)
            else:
                if answer.status_code not in RETRIED:
                    return self._checked(answer)
                problem = f"status {answer.status_code}"
                answer.close()
            if left:
                time.sleep(PAUSE_S * 2 ** (TRIES - 1 - left))
        raise PacsError(
            f"the PACS at {self.address} cannot be reached ({problem}), tried {TRIES} times: is it running?"
        )

    def _checked(self, answer: requests.Response) -> requests.Response:
        status = answer.status_code
        if status in (200, 204):
            return answer
        answer.close()
        if status in (401, 403):
            said = "refused the login" if self._login else "wants a login"
            raise PacsError(
                f"the PACS at {self.address} {said} (status {status}): set MONAI_LABEL_DICOMWEB_USERNAME and "
                "MONAI_LABEL_DICOMWEB_PASSWORD in the server's environment"
            )
        raise PacsError(f"the PACS at {self.address} answered {answer.request.path_url} with status {status}")


def _pattern(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9._~-]+", "*", value)


def _cause(error: Exception) -> str:
    """Return the innermost words of an error: urllib3 wraps them several times."""
    text = str(error)
    for known in (
        "Connection refused",
        "Name or service not known",
        "Temporary failure in name resolution",
        "timed out",
    ):
        if known in text:
            return known
    return f"{type(error).__name__}: {text[:200]}"
