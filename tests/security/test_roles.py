"""Every route of the running app, asked by nobody, a reader and an admin: a route without a role fails here."""

import re
from pathlib import Path

import pytest
import requests

from lesion_tracker.server.addresses import REACHABLE, who_may
from tests.server.conftest import Server
from tests.server.locked_server import bearer
from tests.server.test_addresses import routes_of

pytestmark = pytest.mark.server

LEFT_OUT = {("POST", "/logout")}
"""Ends the token that the others need; tests/server/test_accounts.py asks it."""


def test_every_route_of_the_app_lets_pass_whom_the_list_names(attacked: Server, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    routes = routes_of(tmp_path, "accounts") - LEFT_OUT
    assert len(routes) > 40
    logged_in = {"nobody": {}, "reader": bearer(attacked, "ann"), "admin": bearer(attacked, "boss")}
    for method, path in sorted(routes):
        who = who_may(method, re.sub(r"\{[^}]*\}", "nothere", path))
        assert who is not None, f"{method} {path} has no role"
        asked = re.sub(r"\{[^}]*\}", "nothere", path)
        got = {
            name: requests.request(
                method, attacked.url + asked, headers=headers, allow_redirects=False, timeout=60
            ).status_code
            for name, headers in logged_in.items()
        }
        allowed = {"anyone": {"nobody", "reader", "admin"}, "reader": {"reader", "admin"}, "admin": {"admin"}}[who]
        passed = {name for name, status in got.items() if status not in (401, 403)}
        known = passed | {"nobody"} if (method, path) == ("POST", "/auth/token") else passed
        assert known == allowed, f"{method} {path}: {got}"
        assert max(got.values()) < 500, f"{method} {path}: {got}"


GONE = [
    ("POST", "/scoring/"),
    ("POST", "/batch/infer/track_lesion"),
    ("PUT", "/model/track_lesion"),
    ("POST", "/infer/wsi_v2/track_lesion"),
    ("GET", "/logs/?text=true&lines=100000"),
    ("GET", "/docs"),
    ("GET", "/datastore/dataset"),
    ("PUT", "/datastore/label/info?label=x&tag=final"),
    ("PUT", "/datastore/updatelabelinfo?label=x&tag=final"),
    ("DELETE", "/datastore/?id=ann__20200101"),
    ("POST", "/reload"),
    ("POST", "/proxy/dicom/stow/studies"),
    ("GET", "//info/"),
    ("GET", "/INFO/"),
    ("POST", "/./train/track_lesion"),
    ("GET", "/login/%2e%2e/info/"),
]
"""What MONAI Label would answer, and spellings that another reader of addresses could take for a listed one."""


@pytest.mark.parametrize(("method", "path"), GONE)
def test_nothing_else_is_answered_not_even_to_an_admin(attacked: Server, method: str, path: str) -> None:
    session = requests.Session()
    sent = requests.Request(method, attacked.url, headers=bearer(attacked, "boss")).prepare()
    sent.url = attacked.url + path  # not put right by the client
    answer = session.send(sent, allow_redirects=False, timeout=60)
    assert answer.status_code in (404, 405), answer.text
    nobody = requests.Request(method, attacked.url).prepare()
    nobody.url = attacked.url + path
    assert session.send(nobody, allow_redirects=False, timeout=60).status_code == 401


def test_every_answer_says_what_a_browser_may_load_frame_and_keep(attacked: Server) -> None:
    for path in ("/info/", "/lesions/", "/login", "/ohif/", "/nothere", "/favicon.ico", "/datastore/?output=all"):
        for headers in ({}, bearer(attacked, "ann")):
            answer = requests.get(attacked.url + path, headers=headers, allow_redirects=False, timeout=60)
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
            assert "http" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Cache-Control"] == "no-store", path


def test_the_list_names_no_address_twice_with_different_roles() -> None:
    roles: dict[tuple[str, str], set[str]] = {}
    for route in REACHABLE:
        roles.setdefault((route.method, route.path), set()).add(route.who)
    assert {address: who for address, who in roles.items() if len(who) > 1} == {}
