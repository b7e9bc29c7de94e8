"""A PACS that is asked through this stand-in, which notes every request; and that sends what no PACS should."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import requests

Mood = Literal[
    "well",
    "points elsewhere",
    "sends a page",
    "sends a picture that runs",
    "is slow",
    "promises far too much",
    "sends without end",
]
SCRIPT = b"<script>alert(document.domain)</script>"
SLOW_S = 12.0
ANSWER_S = 60


class HostilePacs:
    """Passes everything on to a real PACS, whatever the method and address.

    Args:
        target: base address of the real PACS.
    """

    def __init__(self, target: str) -> None:
        self.mood: Mood = "well"
        self.reached: list[tuple[str, str, dict[str, str]]] = []
        self.elsewhere: list[str] = []
        self._target = target
        hostile = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hostile._answer(self)

            do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        class Other(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hostile.elsewhere.append(self.path)
                _send(self, 200, "application/dicom+json", b'[{"secret": 1}]')

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in (Handler, Other)]
        for server in self._servers:
            server.daemon_threads = True
        self.dicom_web = f"http://127.0.0.1:{self._servers[0].server_port}/dicom-web"
        self.other = f"http://127.0.0.1:{self._servers[1].server_port}"

    @contextmanager
    def running(self) -> Iterator["HostilePacs"]:
        """Answer while the block runs."""
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            for server in self._servers:
                server.shutdown()
                server.server_close()

    @contextmanager
    def being(self, mood: Mood) -> Iterator[None]:
        """Be in a mood while the block runs."""
        self.mood = mood
        self.reached.clear()
        try:
            yield
        finally:
            self.mood = "well"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.reached.append((request.command, request.path, dict(request.headers)))
        if self.mood == "is slow":
            time.sleep(SLOW_S)
        if self.mood == "points elsewhere":
            _send(request, 302, "text/plain", b"", Location=f"{self.other}/internal")
        elif self.mood == "sends a page":
            _send(request, 200, "text/html", SCRIPT)
        elif self.mood == "sends a picture that runs":
            _send(request, 200, "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>")
        elif self.mood == "promises far too much":
            _send(request, 200, "application/dicom", b"", **{"Content-Length": str(1 << 40)})
        elif self.mood == "sends without end":
            request.send_response(200)
            request.send_header("Content-Type", "application/dicom")
            request.end_headers()
            with suppress(OSError):
                for _ in range(64):
                    request.wfile.write(bytes(1 << 20))
        else:
            headers = {name: value for name, value in request.headers.items() if name in ("Accept", "Authorization")}
            url = f"{self._target}{request.path}"
            answer = requests.request(request.command, url, data=body, headers=headers, timeout=ANSWER_S)
            kind = answer.headers.get("Content-Type", "text/plain")
            more = {"Set-Cookie": "pacs=1", "Cache-Control": "public, max-age=9999", "X-Secret": "1"}
            _send(request, answer.status_code, kind, answer.content, **more)


def _send(request: BaseHTTPRequestHandler, status: int, kind: str, body: bytes, **headers: str) -> None:
    request.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
