"""Connections whose request's head does not come: MONAI Label starts uvicorn, which waits for them for ever.

uvicorn itself ends connections that are idle between two requests (5 s); `patience` ends bodies that stop.
"""

from asyncio import BaseTransport
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 20.0
"""From a connection, or from the first byte after an answer, to the end of a request's head."""

WAITING = "lesion_tracker_waiting"
"""Attribute of a connection: what will end it."""


def end_slow_heads() -> None:
    """Let uvicorn end connections whose head takes longer than HEAD_S; once a process."""
    if hasattr(AutoHTTPProtocol, WAITING):
        return
    made, received = AutoHTTPProtocol.connection_made, AutoHTTPProtocol.data_received

    def connection_made(self: Any, transport: BaseTransport) -> None:
        made(self, transport)
        _watch(self)

    def data_received(self: Any, data: bytes) -> None:
        received(self, data)
        _watch(self)

    for name, value in ((WAITING, None), ("connection_made", connection_made), ("data_received", data_received)):
        setattr(AutoHTTPProtocol, name, value)


def _without_head(connection: Any) -> bool:
    return connection.cycle is None or connection.cycle.response_complete


def _watch(connection: Any) -> None:
    """Start to wait for a head, or stop to: bytes that trickle in do not begin it anew."""
    waiting = getattr(connection, WAITING)
    if not _without_head(connection):
        if waiting is not None:
            waiting.cancel()
        setattr(connection, WAITING, None)
    elif waiting is None:
        setattr(connection, WAITING, connection.loop.call_later(HEAD_S, _end, connection))


def _end(connection: Any) -> None:
    setattr(connection, WAITING, None)
    if _without_head(connection):
        connection.transport.close()
