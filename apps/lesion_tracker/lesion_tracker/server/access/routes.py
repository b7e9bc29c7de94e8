"""Logging in: a form for browsers, MONAI Label's own addresses for 3D Slicer and programs."""

import base64
import hashlib
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lesion_tracker.errors import Busy
from lesion_tracker.server import addresses
from lesion_tracker.server.access.accounts import LIFETIME_S
from lesion_tracker.server.access.accounts_file import AccountsFile
from lesion_tracker.server.access.guard import COOKIE, token_of
from lesion_tracker.server.access.headers import POLICY
from lesion_tracker.server.errors import refusal_or_raise
from lesion_tracker.server.who import current_reader

STYLE = """
body{font:16px sans-serif;max-width:20em;margin:4em auto;color:#222}label{display:block;margin:1em 0 .3em}
input,button{font:inherit;width:100%;box-sizing:border-box;padding:.5em}button{margin-top:1.5em}p.wrong{color:#a00}
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
FORM_POLICY = POLICY.replace("form-action 'none'", f"form-action 'self'; style-src 'sha256-{_HASH}'")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Log in - Lesion Tracker</title>
<meta name="viewport" content="width=device-width">
<style>{style}</style></head>
<body><h1>Lesion Tracker</h1>{message}
<form method="post" action="{login}"><input type="hidden" name="next" value="{next}">
<label for="username">Name</label><input id="username" name="username" autocomplete="username" autofocus required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button></form><p>For research use only.</p></body></html>
"""


LOGIN_FROM_HERE = addresses.LOGIN.removeprefix("/")
"""The form's address, from the form and from the log-out."""

Typed = Annotated[str, Form(max_length=2048)]
"""A field of a form."""


def accounts_routes(accounts: AccountsFile) -> APIRouter:
    """Return the routes of logging in and out.

    Args:
        accounts: of the readers.
    """
    router = APIRouter(tags=["Auth"])
    _add_tokens(router, accounts)
    _add_form(router, accounts)
    return router


def _add_tokens(router: APIRouter, accounts: AccountsFile) -> None:
    @router.get(addresses.AUTH, summary="Whether one has to log in")
    def enabled() -> dict[str, Any]:
        """Return what 3D Slicer asks before anything else."""
        return {"enabled": True, "client_id": "lesion-tracker", "realm": "lesion-tracker"}

    @router.post(addresses.TOKEN, summary="Log in with name and password")
    def token(request: Request, username: Typed, password: Typed) -> dict[str, Any]:
        """Return a token for the header `Authorization: Bearer …`."""
        found = accounts.log_in(username, password, _address(request))
        if found is None:
            raise HTTPException(401, detail="wrong name or password", headers={"WWW-Authenticate": "Bearer"})
        return {"access_token": found, "token_type": "bearer", "expires_in": LIFETIME_S}

    @router.get(addresses.TOKEN_OWNER, summary="Whose token it is")
    def valid() -> dict[str, str]:
        """Return the name; without a valid token the guard answers 401."""
        return {"username": current_reader.get()}


def _add_form(router: APIRouter, accounts: AccountsFile) -> None:
    @router.get(addresses.LOGIN, include_in_schema=False)
    def form(next: str = "/") -> HTMLResponse:  # noqa: A002 - the word that browsers' users see in the address
        return _shown(next, "")

    @router.post(addresses.LOGIN, include_in_schema=False)
    def log_in(
        request: Request,
        username: Typed,
        password: Typed,
        next: Typed = "/",  # noqa: A002
    ) -> Response:
        try:
            found = accounts.log_in(username, password, _address(request))
        except Busy as error:
            refusal = refusal_or_raise(error)
            return _shown(next, refusal.text, refusal.status)
        if found is None:
            return _shown(next, "Wrong name or password.", 401)
        answer = RedirectResponse(
            f".{own_path(next)}", 303
        )  # from the form, which a proxy may put below a path of its own
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
        answer.set_cookie(COOKIE, found, max_age=LIFETIME_S, httponly=True, samesite="strict", secure=secure)
        return answer

    @router.post(addresses.LOGOUT, include_in_schema=False)
    def log_out(request: Request) -> Response:
        accounts.end(token_of(request.headers))
        answer = RedirectResponse(LOGIN_FROM_HERE, 303, headers={"Clear-Site-Data": '"cache", "storage"'})
        answer.delete_cookie(COOKIE)
        return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def own_path(address: str) -> str:
    """Return a path of this server; anything that would lead elsewhere becomes "/"."""
    plain = address.isprintable() and "\\" not in address and not address.startswith("//")
    return address if address.startswith("/") and plain else "/"


def _shown(next_path: str, message: str, status: int = 200) -> HTMLResponse:
    said = f'<p class="wrong" role="alert">{escape(message)}</p>' if message else ""
    text = PAGE.format(style=STYLE, login=LOGIN_FROM_HERE, next=escape(own_path(next_path)), message=said)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": FORM_POLICY})
