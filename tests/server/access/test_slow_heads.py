"""A connection whose head does not come is ended; one that is slow otherwise is not."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from lesion_tracker.server.access import slow_heads

HEAD_S = 0.5
PATIENCE_S = 60.0
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Run uvicorn with what ends slow heads; an answer takes longer than a head may."""
    kept = {name: getattr(AutoHTTPProtocol, name) for name in ("connection_made", "data_received")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slow_heads, "HEAD_S", HEAD_S)
        slow_heads.end_slow_heads()
        server = uvicorn.Server(uvicorn.Config(_slow, port=0, lifespan="off", log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until = time.monotonic() + PATIENCE_S
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
        server.should_exit = True
        thread.join(PATIENCE_S)
    for name, value in kept.items():
        setattr(AutoHTTPProtocol, name, value)
    delattr(AutoHTTPProtocol, slow_heads.WAITING)


async def _slow(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(3 * HEAD_S)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S)


@pytest.mark.parametrize("said", [b"", HEAD], ids=["nothing", "half a head"])
def test_a_head_that_does_not_come_ends_its_connection(port: int, said: bytes) -> None:
    with _connected(port) as client:
        client.sendall(said)
        assert client.recv(100) == b""  # the other side has closed; without an end this waits and fails


def test_a_byte_now_and_then_is_no_head(port: int) -> None:
    with _connected(port) as client:
        client.sendall(HEAD)
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            _trickle(client)


def _trickle(client: socket.socket) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        client.sendall(b"X-More: 1\r\n")
        time.sleep(HEAD_S / 5)


def test_an_answer_may_take_longer_and_the_next_head_is_waited_for_anew(port: int) -> None:
    with _connected(port) as client:
        for _ in range(2):
            client.sendall(HEAD + b"\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 204")
        client.sendall(HEAD)
        assert client.recv(100) == b""


def test_it_is_done_once(port: int) -> None:
    now = AutoHTTPProtocol.data_received
    slow_heads.end_slow_heads()
    assert AutoHTTPProtocol.data_received is now
