"""A browser reads why a page is refused, programs get JSON; and all of it, log-in included, also below a proxy's own path."""

import warnings
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from lesion_tracker.server.access.accounts_file import AccountsFile, set_account
from lesion_tracker.server.access.guard import Guard
from lesion_tracker.server.access.headers import wants_page
from lesion_tracker.server.review.refused_pages import RefusedPages
from tests.server.review.conftest import Page

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette's own client
    from fastapi.testclient import TestClient

    from lesion_tracker.server.access.routes import accounts_routes
    from lesion_tracker.server.viewers.viewer_files import viewer_routes

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PROXY = "/tracker"


@pytest.fixture
def served(page: Page) -> Page:
    """Return the page behind its guard, on a server without accounts."""
    return _behind(page, None)


@pytest.fixture
def proxied(page: Page, tmp_path: Path) -> TestClient:
    """Return a browser before a server with accounts that a proxy has put below a path of its own."""
    set_account(tmp_path / "accounts.json", "ann", "correct horse", "reader")
    accounts = AccountsFile(tmp_path / "accounts.json")
    page.http.app.include_router(accounts_routes(accounts))  # type: ignore[attr-defined]
    page.http.app.include_router(viewer_routes(on_pacs=False))  # type: ignore[attr-defined]
    inner = _behind(page, accounts).http.app

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["path"].startswith(f"{PROXY}/"), f"a link leads out of the proxy's path: {scope['path']}"
        raw = scope["raw_path"].removeprefix(PROXY.encode())
        await inner({**scope, "path": scope["path"].removeprefix(PROXY), "raw_path": raw}, receive, send)

    return TestClient(proxy, headers={"Accept": BROWSER})


def _behind(page: Page, accounts: AccountsFile | None) -> Page:
    guarded = RefusedPages(Guard(page.http.app, accounts, frozenset(), frozenset({"testserver"})))
    return Page(TestClient(guarded), page.marks, page.volume, page.review)


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/lesions/?patient=nobody", 404, "no study of patient"),
        ("GET", "/lesions/row?patient=eve&lesion=lesion_9", 404, "has no lesion"),
        ("GET", "/lesions/results.json?patient=nobody", 404, "no study of patient"),
        ("GET", "/lesions/response", 422, "patient: Field required"),
        ("GET", "/lesions/crop.png?study=x&x=a&y=0&z=0", 422, "x: Input should be a valid number"),
        ("GET", "/lesions/nothing.txt", 404, "nothing.txt"),
        ("GET", "/lesions/a/b%2Fc", 404, "there is no address"),
        ("GET", "/nothing", 404, "there is no address"),
        ("GET", "/lesions/accept", 405, "possible: POST"),
    ],
)
def test_a_browser_gets_a_page_and_a_program_json(served: Page, method: str, path: str, status: int, text: str) -> None:
    as_page = served.http.request(method, path, headers={"Accept": BROWSER})
    assert (as_page.status_code, as_page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "This cannot be shown" in as_page.text
    assert text in as_page.text.replace("&#39;", "'")
    style = as_page.text.split('href="')[2].partition('"')[0]
    assert served.http.get(str(as_page.url.join(style))).headers["content-type"].startswith("text/css")
    assert "style-src 'self'" in as_page.headers["content-security-policy"]
    assert as_page.headers["x-frame-options"] == "DENY"
    if path.startswith("/lesions/?"):
        return  # always a page
    for accept in ("*/*", "application/json, text/html;q=0.9", ""):
        answer = served.http.request(method, path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
        assert as_page.headers.get("allow") == answer.headers.get("allow")


def test_what_is_no_page_or_no_refusal_stays_as_it_is(served: Page) -> None:
    accept = {"Accept": BROWSER}
    assert served.http.get("/infer/x", headers=accept).json()["detail"].startswith("/infer/x is not asked")
    assert served.http.get("/lesions/changes?patient=eve", headers=accept).json().keys() == {"version"}
    assert served.http.head("/nothing", headers=accept).status_code == 404
    foreign = {**accept, "Origin": "https://evil.example"}
    refused = served.http.post("/lesions/accept", headers=foreign, json={})
    assert (refused.status_code, "evil.example" in refused.text) == (403, True)
    assert "<script" not in served.http.get("/<script>alert(1)</script>", headers=accept).text


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (BROWSER, True),
        ("TEXT/HTML;level=1 ; q=0.5", True),
        ("text/html;q=0", False),
        ("text/html;q=x", False),
        ("text/html, application/json", True),
        ("text/html;q=0.4, application/json;q=0.5", False),
        ("*/*", False),
        ("text/htmlx", False),
        (",;=,q", False),
        ("", False),
    ],
)
def test_who_asks_for_a_page_by_name_wants_one(accept: str, page: bool) -> None:
    assert wants_page(accept) is page


def test_below_a_proxys_path_one_logs_in_reads_a_refusal_and_logs_out(proxied: TestClient) -> None:
    asked = f"{PROXY}/lesions/?patient=eve&lesion=lesion_1"
    form = proxied.get(asked)
    assert form.url.path == f"{PROXY}/login"
    wanted = form.text.split('name="next" value="')[1].partition('"')[0].replace("&amp;", "&")
    action = str(form.url.join(form.text.split('action="')[1].partition('"')[0]))
    wrong = proxied.post(action, data={"username": "ann", "password": "no", "next": wanted})
    assert (wrong.status_code, "Wrong name" in wrong.text, wrong.url.path) == (401, True, f"{PROXY}/login")
    shown = proxied.post(action, data={"username": "ann", "password": "correct horse", "next": wanted})
    assert (shown.status_code, shown.url.path, "lesion_1" in shown.text) == (200, f"{PROXY}/lesions/", True)
    assert proxied.get(f"{PROXY}/").url.path == f"{PROXY}/lesions/"
    for path in ("/lesions/a/b%2Fc", "/nothing", "/lesions/?patient=nobody", "/ohif/a"):
        refused = proxied.get(f"{PROXY}{path}")
        assert proxied.get(str(refused.url.join(refused.text.split('href="')[3].partition('"')[0]))).status_code == 200
    out = proxied.post(f"{PROXY}/logout")
    assert out.url.path == f"{PROXY}/login"
