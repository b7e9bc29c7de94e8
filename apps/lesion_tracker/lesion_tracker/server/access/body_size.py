"""How much a request may carry: a volume as much as the operator accepts, everything else little: it is read into memory."""

from starlette.types import Message, Receive

from lesion_tracker.server import addresses

MIB = 1 << 20
WORDS_MB = 16.0
"""Of a request without a file; its JSON takes three times as much memory."""

ROOM_MB = 64.0
"""Beside the voxels of a volume: headers of its slices, fields of the form."""


def most_bytes(method: str, path: str, volume_mb: float) -> int:
    """Return how many bytes the body of a request may have.

    Args:
        method: of HTTP.
        path: what is asked for.
        volume_mb: MiB of voxels that the operator accepts.
    """
    return int(MIB * (volume_mb + ROOM_MB if addresses.takes_a_file(method, path) else WORDS_MB))


def bounded(receive: Receive, most: int) -> Receive:
    """Return what receives a request's body, and takes one of more bytes for a client that has gone: nobody said its length."""
    left = most

    async def within() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return within
