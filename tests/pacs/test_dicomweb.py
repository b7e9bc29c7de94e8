"""A DICOMweb server that misbehaves: every call ends soon, with a reason, and keeps nothing."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lesion_tracker.errors import PacsError
from lesion_tracker.pacs.bounded_http import TRIES
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.multipart import boundary_of, split_parts

SOON_S = 10.0
"""A bound for what may take about 1 s, on a busy machine."""

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def _server(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "application/dicom+json") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_a_pacs_that_is_down_is_tried_a_few_times() -> None:
    with _server(lambda handler: None) as address:
        pass
    start = time.monotonic()
    with pytest.raises(PacsError, match=f"cannot be reached .Connection refused., tried {TRIES} times"):
        DicomWeb(address).search("series", {})
    assert time.monotonic() - start < SOON_S


def test_a_pacs_that_comes_back_is_not_refused() -> None:
    asked: list[str] = []

    def busy(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        _send(handler, 200 if len(asked) == TRIES else 503, b"[]")

    with _server(busy) as address:
        assert DicomWeb(address).search("series", {"SeriesInstanceUID": "1.2"}) == []
    assert len(asked) == TRIES
    assert asked[0].startswith("/dicom-web/series?SeriesInstanceUID=1.2&limit=")


def test_a_pacs_that_never_answers_is_waited_for_only_once() -> None:
    asked: list[str] = []

    def sleep(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        time.sleep(2.0)

    with _server(sleep) as address, pytest.raises(PacsError, match=r"did not answer within 0\.3 s"):
        DicomWeb(address, timeout_s=0.3).search("series", {})
    assert len(asked) == 1


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "1000"}, {"Transfer-Encoding": "chunked"}])
def test_a_pacs_that_drips_is_cut_off(headers: dict[str, str]) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b"1\r\n[\r\n" if "Transfer-Encoding" in headers else b"[")
            except OSError:
                return
            time.sleep(0.1)

    start = time.monotonic()
    with _server(drip) as address, pytest.raises(PacsError, match=r"too slow: its answer was not whole in 0\.5 s"):
        DicomWeb(address, timeout_s=0.5).search("series", {})
    assert time.monotonic() - start < SOON_S


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_that_is_missing_is_named_and_not_tried_again(status: int) -> None:
    asked: list[str] = []

    def guarded(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        _send(handler, status, b"")

    with _server(guarded) as address, pytest.raises(PacsError, match=f"wants a login .status {status}."):
        DicomWeb(address).search("series", {})
    assert len(asked) == 1


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b'{"error": 1}', b"[1, 2]"])
def test_what_is_no_dicom_json_is_said(body: bytes) -> None:
    reason = "does not answer with DICOM JSON"
    with _server(lambda handler: _send(handler, 200, body)) as address, pytest.raises(PacsError, match=reason):
        DicomWeb(address).search("series", {})


def test_pages_are_put_together() -> None:
    def pages(handler: BaseHTTPRequestHandler) -> None:
        offset = int(handler.path.rpartition("offset=")[2])
        items = [{"0020000E": {"Value": [f"1.{n}"]}} for n in range(offset, min(offset + 200, 1201))]
        _send(handler, 200, json.dumps(items).encode())

    with _server(pages) as address:
        assert len(DicomWeb(address).search("series", {})) == 1201


def test_a_pacs_that_knows_no_pages_is_not_asked_for_ever() -> None:
    items = json.dumps([{"0020000E": {"Value": [f"1.{n}"]}} for n in range(500)]).encode()
    with _server(lambda handler: _send(handler, 200, items)) as address:
        assert len(DicomWeb(address).search("series", {})) == 500


def _multipart(*parts: bytes, end: bytes = b"--") -> bytes:
    return b"".join(b"--B\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts) + b"--B" + end


def test_the_parts_of_a_series_become_files(tmp_path: Path) -> None:
    parts = (b"one", b"t\r\n-wo", b"")
    kind = 'multipart/related; type="application/dicom"; boundary=B'
    with _server(lambda handler: _send(handler, 200, _multipart(*parts), kind)) as address:
        assert DicomWeb(address).download("1", "2", tmp_path) == 3
    assert [file.read_bytes() for file in sorted(tmp_path.iterdir())] == list(parts)


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (_multipart(b"one")[:-20], "multipart/related; boundary=B", "ends before its last DICOM file"),
        (b"", "multipart/related; boundary=B", "empty answer"),
        (b"[]", "application/dicom+json", "instead of a multipart"),
    ],
)
def test_a_series_that_is_cut_off_is_refused(tmp_path: Path, body: bytes, kind: str, reason: str) -> None:
    with _server(lambda handler: _send(handler, 200, body, kind)) as address, pytest.raises(PacsError, match=reason):
        DicomWeb(address).download("1", "2", tmp_path)


def test_a_connection_that_breaks_in_the_middle_is_said(tmp_path: Path) -> None:
    def broken(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/related; boundary=B")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(_multipart(b"one"))
        handler.wfile.flush()
        handler.connection.close()

    with _server(broken) as address, pytest.raises(PacsError, match="broke off in the middle"):
        DicomWeb(address).download("1", "2", tmp_path)


def test_boundaries() -> None:
    assert boundary_of('multipart/related; type="application/dicom"; boundary="a-b"') == b"a-b"
    assert boundary_of("multipart/related; boundary=a-b; start=x") == b"a-b"


def test_a_preamble_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"\r\n" + _multipart(b"one") + b"\r\n")
    with file.open("rb") as body:
        assert list(split_parts(body.fileno(), b"B")) == [b"one"]
