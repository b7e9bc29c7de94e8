"""What the routes of the review page share: how a place is written, who asks, and what is refused unread."""

from typing import Annotated

from fastapi import HTTPException, Query, Request
from monailabel.endpoints.user.auth import User

from lesion_tracker.server.access.roles import known_user

Mm = Annotated[float, Query(ge=-100_000.0, le=100_000.0, allow_inf_nan=False)]
CACHED = {"Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
"""Voxels of a study do not change."""


def reader_of(user: User, name: str) -> str:
    """Return who does it: the log-in, or without log-ins the name that the reader typed."""
    return known_user(user) or " ".join(name.split())


def require_json(request: Request) -> None:
    """Refuse what a form of a foreign page could send without asking."""
    kind = request.headers.get("content-type", "").split(";")[0].strip()
    if kind != "application/json":
        raise HTTPException(415, detail=f"send application/json, not {kind or 'nothing'}")
