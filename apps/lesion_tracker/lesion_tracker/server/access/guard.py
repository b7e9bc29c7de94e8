"""The guard before every request: the allow-list of addresses, who asks, from which page, and under which name."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lesion_tracker.server import addresses
from lesion_tracker.server.access.accounts import Account
from lesion_tracker.server.access.accounts_file import AccountsFile
from lesion_tracker.server.access.body_size import bounded, most_bytes
from lesion_tracker.server.access.headers import closed, headed, wants_page
from lesion_tracker.server.access.hosts import host_name
from lesion_tracker.server.access.patience import patient
from lesion_tracker.server.who import current_reader
from lesion_tracker.volumes.limits import MOST_MB

COOKIE = "lesion_tracker"
SAFE = frozenset({"GET", "HEAD"})


class Guard:
    """Wraps a whole application.

    Args:
        app: the application.
        accounts: None: nobody has to log in.
        origins: pages of other origins that may use this server ("https://viewer.example").
        hosts: names under which this server may be asked.
        volume_mb: MiB of voxels that a request may bring.
    """

    def __init__(
        self,
        app: ASGIApp,
        accounts: AccountsFile | None,
        origins: frozenset[str],
        hosts: frozenset[str],
        volume_mb: float = MOST_MB,
    ) -> None:
        self._app, self._accounts, self._origins, self._hosts = app, accounts, origins, hosts
        self._volume_mb = volume_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that may not pass, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        account = self._account(headers)
        send = headed(send, scope["path"])
        refusal = self._refusal(scope, headers, account)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        token = current_reader.set(account.name if account else "")
        try:
            answer = send if headers.get("origin") in self._origins else closed(send)
            most = most_bytes(scope["method"], scope["path"], self._volume_mb)
            await self._app(scope, bounded(patient(receive), most), answer)
        finally:
            current_reader.reset(token)

    def _refusal(self, scope: Scope, headers: Headers, account: Account | None) -> Response | None:
        method, path = scope["method"], scope["path"]
        query = scope.get("query_string", b"").decode("ascii", "ignore")
        names = [host_name(value) for value in headers.getlist("host")]
        if len(names) != 1 or names[0] not in self._hosts:
            return _no(
                421,
                f"this server is not asked for as {headers.get('host', '')[:200]!r}: its operator names what it is called "
                "(--conf hosts NAME)",
            )
        if self._is_foreign(headers) and method not in SAFE:
            origin = headers.get("origin", "another site")[:200]
            return _no(403, f"a page of {origin!r} may not use this server: open the server's own page")
        if method == "OPTIONS" and headers.get("origin") in self._origins:
            return None  # a browser asks before it sends; it shows no log-in then
        who = addresses.who_may(method, path)
        if who == "anyone":
            return self._too_large(method, path, headers.get("content-length", ""))
        if self._accounts is not None and account is None:
            return _log_in(scope, query, headers)
        if who is None:
            return _not_there(method, path, query)
        if who == "admin" and account is not None and account.role != "admin":
            return _no(403, f"{account.name} may not do this: it needs an account with the role admin")
        return self._too_large(method, path, headers.get("content-length", ""))

    def _too_large(self, method: str, path: str, length: str) -> Response | None:
        most = most_bytes(method, path, self._volume_mb)
        if not length.isdecimal() or int(length[:20]) <= most:
            return None
        limit = "; the setting volume_mb is the limit" if addresses.takes_a_file(method, path) else ""
        return _no(413, f"the request carries {length[:20]} bytes, more than the {most} that are accepted here{limit}")

    def _account(self, headers: Headers) -> Account | None:
        return self._accounts.of_token(token_of(headers)) if self._accounts is not None else None

    def _is_foreign(self, headers: Headers) -> bool:
        """Say whether a page of another origin sent the request; programs and viewers send neither origin nor site."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if origin in self._origins:
            return False
        return origin == "null" or urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def token_of(headers: Headers) -> str:
    """Return the token that a request carries, or ""."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else cookie_of(headers.get("cookie", ""))


def cookie_of(header: str) -> str:
    """Return the token in a Cookie header, or ""."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _not_there(method: str, path: str, query: str) -> Response:
    """Refuse an address that is not listed; one that lacks only its last stroke is led on, below whatever path a proxy adds."""
    if addresses.lacks_its_stroke(method, path):
        return RedirectResponse(f"{path.rpartition('/')[2]}/" + (f"?{query}" if query else ""), 307)
    others = sorted({route.method for route in addresses.routes_at(path)})
    if others:
        return _no(405, f"{path} is not asked with {method}; possible: {', '.join(others)}", Allow=", ".join(others))
    return _no(404, f"there is no address {path[:200]!r} here")


def _log_in(scope: Scope, query: str, headers: Headers) -> Response:
    """Send a browser's page to the form, and from there to what it asked for; everything else away with 401."""
    if scope["method"] == "GET" and wants_page(headers.get("accept", "")):
        path = quote(scope["path"])
        wanted = f"{path}?{query}" if query else path
        up = addresses.up_from(scope.get("raw_path", b"").decode("latin-1") or path)
        return RedirectResponse(f"{up}{addresses.LOGIN.removeprefix('/')}?next={quote(wanted)}", 303)
    text = f"log in first: POST {addresses.TOKEN} with username and password, or open {addresses.LOGIN} in a browser"
    return _no(401, text, **{"WWW-Authenticate": "Bearer"})


def _no(status: int, text: str, **more: str) -> Response:
    shown = text.encode("utf-8", "backslashreplace").decode()
    return JSONResponse({"detail": shown}, status, headers=more or None)
