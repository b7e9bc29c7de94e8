"""A stand-in between the server and a real PACS that passes everything on, until it is told to be down, slow, cut or locked."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import requests

Mood = Literal["well", "busy twice", "stalls", "cuts files off", "wrong login"]
PASSED_ON = ("Authorization", "Accept", "Accept-Encoding")
ANSWER_S = 60


class MoodyPacs:
    """A DICOMweb address that leads to another one.

    Args:
        target: base address of the real PACS, without `/dicom-web`.
    """

    def __init__(self, target: str) -> None:
        self.mood: Mood = "well"
        self.asked = 0
        self._target = target
        self._calm = threading.Event()
        moody = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                moody._answer(self)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.dicom_web = f"http://127.0.0.1:{self._server.server_port}/dicom-web"

    @contextmanager
    def running(self) -> Iterator["MoodyPacs"]:
        """Answer while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._calm.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)

    @contextmanager
    def being(self, mood: Mood) -> Iterator[None]:
        """Be in a mood while the block runs; who is waiting then is answered."""
        self.asked, self.mood = 0, mood
        self._calm.clear()
        try:
            yield
        finally:
            self.mood = "well"
            self._calm.set()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked += 1
        headers = {name: request.headers[name] for name in PASSED_ON if request.headers[name]}
        if self.mood == "stalls":
            self._calm.wait(ANSWER_S)
            return
        if self.mood == "busy twice" and self.asked <= 2:
            request.send_error(503)
            return
        if self.mood == "wrong login":
            headers["Authorization"] = "Basic " + base64.b64encode(b"reader:wrong").decode()
        answer = requests.get(f"{self._target}{request.path}", headers=headers, timeout=ANSWER_S, stream=True)
        body = answer.raw.read(decode_content=False)
        kind = answer.headers.get("Content-Type", "")
        request.send_response(answer.status_code)
        for name in ("Content-Type", "Content-Encoding"):
            if name in answer.headers:
                request.send_header(name, answer.headers[name])
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        cut = self.mood == "cuts files off" and kind.startswith("multipart")
        request.wfile.write(body[: len(body) // 2] if cut else body)
