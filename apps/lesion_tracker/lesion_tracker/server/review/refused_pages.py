"""Refusals as pages: who opens one of the pages in a browser reads why it is refused; programs get it as JSON."""

import json
from typing import Any

from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lesion_tracker.server import addresses
from lesion_tracker.server.access.headers import wants_page
from lesion_tracker.server.review.pages import HEADERS, page

FOR_PEOPLE = (addresses.FIRST, addresses.LOGIN, addresses.LOGOUT)


class RefusedPages:
    """Wraps a whole application, its guard included.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the answer to a browser is a page where it would be a refusal as JSON."""
        if scope["type"] != "http" or not _is_for_people(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def shown(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_refusal(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await _send(start, body, scope, send)

        await self._app(scope, receive, shown)


def refusal_page(text: str, title: str, scope: Scope, status: int = 200) -> HTMLResponse:
    """Return the page that says why something cannot be shown, for any address: its links count from there."""
    path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
    root = addresses.up_from(path) + addresses.LESIONS.removeprefix("/")
    return HTMLResponse(page("error.html", text=text, title=title, root=root), status, headers=HEADERS)


def _is_for_people(scope: Scope) -> bool:
    """Say whether a browser opens a page, or what is nowhere: the addresses of programs answer them as ever."""
    path = scope["path"]
    ours = path.startswith(addresses.LESIONS) or path in FOR_PEOPLE or not addresses.routes_at(path)
    return ours and wants_page(Headers(scope=scope).get("accept", ""))


def _is_refusal(start: Message) -> bool:
    return start["status"] >= 400 and Headers(raw=start["headers"]).get("content-type", "") == "application/json"


async def _send(start: Message, body: bytes, scope: Scope, send: Send) -> None:
    """Send a refusal as a page, with the headers that it had; one without a text (HEAD) as it is."""
    try:
        text = _text(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        await send(start)
        await send({"type": "http.response.body", "body": body})
        return
    shown = refusal_page(text, "Refused", scope, start["status"])
    kept = [(name, value) for name, value in start["headers"] if name.decode("latin-1") not in shown.headers]
    await send({**start, "headers": [*kept, *shown.raw_headers]})
    await send({"type": "http.response.body", "body": shown.body})


def _text(detail: Any) -> str:
    """Return what a refusal says; of a request that is not valid, which part of it and why."""
    if isinstance(detail, str):
        return detail
    return "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in detail)
