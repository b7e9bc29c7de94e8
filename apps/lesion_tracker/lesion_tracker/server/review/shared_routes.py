"""What the routes of the review page share: how a place is written, who asks, and what is refused unread."""

from typing import Annotated

from fastapi import HTTPException, Query, Request

Mm = Annotated[float, Query(ge=-100_000.0, le=100_000.0, allow_inf_nan=False)]


def require_json(request: Request) -> None:
    """Refuse what a form of a foreign page could send without asking."""
    kind = request.headers.get("content-type", "").split(";")[0].strip()
    if kind != "application/json":
        raise HTTPException(415, detail=f"send application/json, not {kind or 'nothing'}")
