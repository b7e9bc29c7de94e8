"""A DICOMweb server over a folder of DICOM files that limits, pages, matches and wraps as real ones do."""

import fnmatch
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import pydicom

Form = Literal[
    "plain",
    "quoted",
    "upper case",
    "spaces",
    "boundary first",
    "preamble",
    "line feeds",
    "no header",
    "no blank line",
    "parameters",
    "no end",
    "one file",
    "cut in the last file",
    "cut between files",
    "an error among the files",
]
Stores = Literal["all", "the first", "refuses", "is full", "says nothing", "loses", "breaks off"]
"""What becomes of instances that are sent to be stored."""

OF_STUDY = (
    *("StudyDate", "StudyTime", "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "IssuerOfPatientID"),
    "StudyInstanceUID",
)
OF_SERIES = ("Modality", "SeriesDescription", "SeriesInstanceUID")
BOUNDARY = "a=B'1"
EVERYTHING = 10**9


@dataclass(frozen=True)
class Dialect:
    """How a server speaks.

    Args:
        most: a higher limit is refused with 400; 0: none is.
        page: so many answers at most, whatever was asked for; 0: as many as there are.
        says_more: a page that is cut has the header Warning.
        offset: it knows offset.
        limit: it knows limit.
        wildcards: it knows them.
        decodes: it decodes the values of a query.
        fields: it knows includefield; else it refuses it.
        empty: the status where nothing matches.
        gone: the status of what a series that is not there has.
        headers: it gives headers and files of series; else 404.
        counts: it says how many instances a series has.
        brief: its answers about series leave out what is the study's.
        etag: its headers have an ETag, which tells pixels, too.
        packed: it compresses all answers.
        lower: it writes tags in lower case.
        form: of the files of a series.
        stores: what becomes of instances that are sent.
    """

    most: int = 0
    page: int = 0
    says_more: bool = True
    offset: bool = True
    limit: bool = True
    wildcards: bool = True
    decodes: bool = True
    fields: bool = True
    empty: Literal[200, 204] = 204
    gone: Literal[200, 204, 404] = 404
    headers: bool = True
    counts: bool = True
    brief: bool = False
    etag: bool = False
    packed: bool = False
    lower: bool = False
    form: Form = "plain"
    stores: Stores = "all"


class DialectPacs:
    """A server on loopback.

    Args:
        folder: its files, read anew for each request.
    """

    def __init__(self, folder: Path) -> None:
        self.speaks = Dialect()
        self.asked: list[str] = []
        self.posted: list[tuple[str, bytes]] = []
        self.folder = folder
        pacs = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                pacs.asked.append(self.path)
                pacs._answer(self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                pacs.posted.append((self.path, body))
                pacs._store(self, body)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.dicom_web = f"http://127.0.0.1:{self._server.server_port}/dicom-web"

    @contextmanager
    def running(self) -> Iterator["DialectPacs"]:
        """Answer while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)

    @property
    def downloads(self) -> int:
        """How often the files of a series were asked for."""
        return sum("/series/" in path and not path.endswith("/metadata") for path in self.asked)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        address = urlsplit(request.path)
        parts = address.path.strip("/").split("/")[1:]
        found = [(path, pydicom.dcmread(path)) for path in sorted(self.folder.rglob("*.dcm"))]
        if parts[0] == "studies" and len(parts) > 1:
            found = [(path, data) for path, data in found if parts[1] == data.StudyInstanceUID]
        if len(parts) > 3:
            found = [(path, data) for path, data in found if parts[3] == data.SeriesInstanceUID]
        if parts[-1] in ("studies", "series"):
            self._query(request, parts[-1], address.query, [data for _, data in found])
        elif not found or not self.speaks.headers:
            self._send(request, 404 if found else self.speaks.gone, b"[]")
        elif parts[-1] == "metadata":
            self._headers(request, found)
        else:
            body, kind = _wrapped([path.read_bytes() for path, _ in found], self.speaks.form)
            self._send(request, 200, body, kind)

    def _store(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Keep the files of a STOW request, and answer as PS3.18 says."""
        if self.speaks.stores in ("is full", "breaks off"):
            if self.speaks.stores == "is full":
                self._send(request, 507, b"")
            request.close_connection = True
            return
        files = [part.partition(b"\r\n\r\n")[2][:-2] for part in body.split(b"--" + _boundary(request))[1:-1]]
        kept = {"the first": files[:1], "refuses": [], "loses": []}.get(self.speaks.stores, files)
        said: dict[str, Any] = {"00081199": {"vr": "SQ", "Value": []}, "00081198": {"vr": "SQ", "Value": []}}
        for file in files:
            data = pydicom.dcmread(BytesIO(file))
            item = {"00081155": {"vr": "UI", "Value": [data.SOPInstanceUID]}}
            if file in kept:
                (self.folder / "stored").mkdir(exist_ok=True)
                (self.folder / "stored" / f"{data.SOPInstanceUID}.dcm").write_bytes(file)
                said["00081199"]["Value"].append(item)
            else:
                said["00081198"]["Value"].append({**item, "00081197": {"vr": "US", "Value": [0xA700]}})
        silent = self.speaks.stores in ("says nothing", "loses")
        status = 200 if silent or kept == files else 202 if kept else 409
        self._send(request, status, b"" if silent else json.dumps(said).encode())

    def _query(self, request: BaseHTTPRequestHandler, level: str, query: str, found: list[Any]) -> None:
        speaks = self.speaks
        pairs = parse_qsl(query) if speaks.decodes else [tuple(pair.split("=", 1)) for pair in query.split("&") if pair]
        asked = {name: value for name, value in pairs if name != "includefield"}
        limit, offset = int(asked.pop("limit", EVERYTHING)), int(asked.pop("offset", 0))
        has_fields = any(name == "includefield" for name, _ in pairs)
        if (speaks.most and speaks.most < limit < EVERYTHING) or (has_fields and not speaks.fields):
            self._send(request, 400, b'"the query is not valid"')
            return
        matching = [data for data in found if all(self._matches(str(data.get(k, "")), v) for k, v in asked.items())]
        uid = "StudyInstanceUID" if level == "studies" else "SeriesInstanceUID"
        rows = list({data[uid].value: data for data in matching}.values())
        first = offset if speaks.offset else 0
        size = min(limit if speaks.limit else EVERYTHING, speaks.page or EVERYTHING)
        page, left = rows[first : first + size], max(0, len(rows) - first - size)
        if not page:
            self._send(request, speaks.empty, b"[]" if speaks.empty == 200 else b"")
            return
        items = [self._item(data, level, matching) for data in page]
        more = f'299 "There are {left} additional results that can be requested"' if left and speaks.says_more else ""
        self._send(request, 200, json.dumps(items).encode(), warning=more)

    def _matches(self, have: str, asked: str) -> bool:
        return fnmatch.fnmatchcase(have, asked) if self.speaks.wildcards and "*" in asked else have == asked

    def _item(self, data: Any, level: str, found: list[Any]) -> dict[str, Any]:
        names = OF_STUDY if level == "studies" else OF_SERIES if self.speaks.brief else (*OF_STUDY, *OF_SERIES)
        names = (*names, "StudyInstanceUID")
        item = {f"{int(data[name].tag):08X}": data[name].to_json_dict(None, 0) for name in names if name in data}
        if level == "series" and self.speaks.counts:
            count = sum(other.SeriesInstanceUID == data.SeriesInstanceUID for other in found)
            item["00201209"] = {"vr": "IS", "Value": [count]}
        return {tag.lower() if self.speaks.lower else tag: value for tag, value in item.items()}

    def _headers(self, request: BaseHTTPRequestHandler, found: list[tuple[Path, Any]]) -> None:
        tag = hashlib.sha256(b"".join(path.read_bytes() for path, _ in found)).hexdigest() if self.speaks.etag else ""
        items = []
        for _, data in found:
            data.pop("PixelData", None)
            bulk = {"vr": "OW", "BulkDataURI": f"../../bulkdata/{data.SOPInstanceUID}/7FE00010"}
            items.append(
                {**data.to_json_dict(), "7FE00010": bulk, "00204000": {"vr": "LT", "BulkDataURI": "bulkdata/1"}}
            )
        self._send(request, 200, json.dumps(items).encode(), etag=tag)

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        body: bytes = b"",
        kind: str = "application/dicom+json",
        **headers: str,
    ) -> None:
        request.send_response(status)
        if status != 204:
            body = gzip.compress(body, 1) if self.speaks.packed else body
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(body)))
            if self.speaks.packed:
                request.send_header("Content-Encoding", "gzip")
        for name, value in headers.items():
            if value:
                request.send_header(name, value)
        request.end_headers()
        if status != 204:
            request.wfile.write(body)


def _boundary(request: BaseHTTPRequestHandler) -> bytes:
    return str(request.headers["Content-Type"]).partition("boundary=")[2].encode()


def _wrapped(files: list[bytes], form: Form) -> tuple[bytes, str]:
    """Return the files of a series as a body, and its Content-Type."""
    if form == "one file":
        return files[0], "application/dicom"
    line = b"\n" if form == "line feeds" else b"\r\n"
    start, end = b"--" + BOUNDARY.encode(), line + b"--" + BOUNDARY.encode() + b"--" + line
    heads = {
        "no header": line + line,
        "no blank line": line,
        "parameters": line + b'content-type: application/dicom; transfer-syntax="1.2.840.10008.1.2.1"' + line * 2,
    }
    head = heads.get(form, line + b"Content-Type: application/dicom" + line + line)
    body = line.join(start + head + file for file in files)
    if form == "an error among the files":
        body += line + start + line + b"Content-Type: text/plain" + line + line + b"the third file is on tape"
    if form == "preamble":
        body = b"This is a multipart message.\r\n\r\n" + body
    if form == "cut between files":
        body = line.join(start + head + file for file in files[:-1])
    if form == "cut in the last file":
        body = body[:-100]
    kinds = {
        "quoted": f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"',
        "upper case": f'Multipart/Related; Type="application/dicom"; Boundary="{BOUNDARY}"',
        "spaces": f'multipart/related ;  type = "application/dicom" ;  boundary = "{BOUNDARY}" ',
        "boundary first": f'multipart/related;boundary={BOUNDARY};type="application/dicom"',
    }
    no_end = form in ("no end", "cut between files", "cut in the last file")
    plain = f"multipart/related; type=application/dicom; boundary={BOUNDARY}"
    return body + (b"" if no_end else end), kinds.get(form, plain)
