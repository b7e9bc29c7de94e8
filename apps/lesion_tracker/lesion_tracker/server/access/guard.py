"""The guard before every request: only this server's own pages may write, and with accounts only who logged in."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lesion_tracker.server import addresses
from lesion_tracker.server.access.accounts import Account, AccountsFile, current_reader

COOKIE = "lesion_tracker"
OPEN_PATHS = frozenset(route.path for route in addresses.REACHABLE if route.who == "anyone")
"""What must be reachable before anybody has logged in."""

SAFE = frozenset({"GET", "HEAD"})
ADMIN_WRITES = ("/train", "/models", "/model/", "/batch", "/logs", "/reload")
"""Only an admin may write to these."""

ADMIN_DELETES = ("/datastore",)


class Guard:
    """Wraps a whole application.

    Args:
        app: the application.
        accounts: None: nobody has to log in.
        origins: pages of other origins that may use this server ("https://viewer.example").
    """

    def __init__(self, app: ASGIApp, accounts: AccountsFile | None, origins: frozenset[str]) -> None:
        self._app, self._accounts, self._origins = app, accounts, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that may not pass, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        foreign = self._is_foreign(headers)
        account = self._account(headers)
        refusal = self._refusal(scope, headers, foreign, account)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if self._accounts is not None:
            send = _not_kept(send, scope["path"])
        token = current_reader.set(account.name if account else "")
        try:
            await self._app(scope, receive, send if headers.get("origin") in self._origins else _closed(send))
        finally:
            current_reader.reset(token)

    def _refusal(self, scope: Scope, headers: Headers, foreign: bool, account: Account | None) -> Response | None:
        method, path = scope["method"], scope["path"]
        if foreign and method not in SAFE:
            origin = headers.get("origin", "")[:200]
            return _no(403, f"a page of {origin!r} may not use this server: open the server's own page")
        if self._accounts is None or path in OPEN_PATHS:
            return None
        if account is None:
            return _log_in(method, path, scope.get("query_string", b"").decode("ascii", "ignore"), headers)
        if account.role != "admin" and needs_admin(method, path):
            return _no(403, f"{account.name} may not do this: it needs an account with the role admin")
        return None

    def _account(self, headers: Headers) -> Account | None:
        if self._accounts is None:
            return None
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._accounts.of_token(token.strip())
        return self._accounts.of_token(cookie_of(headers.get("cookie", "")))

    def _is_foreign(self, headers: Headers) -> bool:
        """Say whether a page of another origin sent the request; programs and viewers send no origin."""
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return False
        return origin == "null" or urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def needs_admin(method: str, path: str) -> bool:
    """Say whether a request is an admin's: training, weights, removing studies."""
    if method in SAFE:
        return False
    return path.startswith(ADMIN_WRITES) or (method == "DELETE" and path.startswith(ADMIN_DELETES))


def cookie_of(header: str) -> str:
    """Return the token in a Cookie header, or ""."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _log_in(method: str, path: str, query: str, headers: Headers) -> Response:
    """Send a browser's page to the form, and from there to what it asked for; everything else away with 401."""
    if method == "GET" and "text/html" in headers.get("accept", ""):
        wanted = f"{quote(path)}?{query}" if query else quote(path)
        return RedirectResponse(f"{addresses.LOGIN}?next={quote(wanted)}", 303)
    return _no(
        401, f"log in first: POST {addresses.TOKEN} with username and password, or open {addresses.LOGIN} in a browser"
    )


def _no(status: int, text: str) -> Response:
    extra = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"detail": text}, status, headers=extra)


def _not_kept(send: Send, path: str) -> Send:
    """Let a browser keep no answer that the next person at its screen could see; the viewer's own files it asks for again."""
    kept = "private, no-cache" if path.startswith(addresses.VIEWER_FILES) else "no-store"

    async def with_rule(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Cache-Control", kept)
        await send(message)

    return with_rule


def _closed(send: Send) -> Send:
    """Take MONAI Label's permission for pages of all origins out of an answer."""

    async def without(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.lower().startswith("access-control-")]:
                del headers[name]
        await send(message)

    return without
