"""The addresses: data, docs/http.md, a running server, the guard and the clients say the same."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from lesion_tracker.server import addresses
from lesion_tracker.server.addresses import REACHABLE, Who, who_may
from tests.server.conftest import APP, ROOT

PAGE = (ROOT / "docs" / "http.md").read_text()
ROW = re.compile(rf"^\| ([A-Z]+) \| `([^`]+)` \| ({'|'.join(get_args(Who))}) \|", re.MULTILINE)


def test_the_page_describes_every_address_and_no_other() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) == len(set(rows)) == len(re.findall(r"^\| [A-Z]+ \|", PAGE, re.MULTILINE))
    assert set(rows) == {(route.method, route.path, route.who) for route in REACHABLE}


def routes_of(folder: Path, *more: str) -> set[tuple[str, str]]:
    """Return method and path of every route of an app, as list_routes.py prints them."""
    script = Path(__file__).with_name("list_routes.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), *more], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line[6:]) for line in done.stdout.splitlines() if line.startswith("route ")]
    return {(method, path) for method, path in found}


@pytest.mark.long
def test_a_running_server_answers_what_is_listed_and_nothing_else(tmp_path: Path) -> None:
    both = _named(addresses.ALWAYS)
    (tmp_path / "studies").mkdir()
    assert routes_of(tmp_path / "studies") == both
    assert routes_of(tmp_path, "pacs") == both | _named(addresses.ON_A_PACS + addresses.WITH_ACCOUNTS)


def _named(routes: tuple[addresses.Route, ...]) -> set[tuple[str, str]]:
    return {(route.method, route.path) for route in routes}


@pytest.mark.parametrize("route", REACHABLE, ids=lambda route: f"{route.method} {route.path}")
def test_the_list_is_read_as_it_is_written(route: addresses.Route) -> None:
    path = re.sub(r"\{[^}]*\}", "x", route.path)
    assert who_may(route.method, path) == route.who


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/logs/"), ("POST", "/batch/infer/x"), ("GET", "//info/"), ("GET", "/INFO/"), ("GET", "/info/\n"),
     ("PUT", "/model/x"), ("POST", "/train/x/y"), ("POST", "/proxy/dicom/qido/studies"), ("TRACE", "/info/")],
)  # fmt: skip
def test_what_is_not_listed_is_nobodys(method: str, path: str) -> None:
    assert who_may(method, path) is None


def test_slicers_module_asks_for_addresses_that_are_there() -> None:
    client = (APP / "clients/slicer/LesionTracker/LesionTrackerLib/server.py").read_text()
    asked = {re.sub(r"\{[^}]*\}", "x", text) for text in re.findall(r"""["'](/[a-z][^"'?]*)""", client)}
    known = [re.compile(re.sub(r"\{[^}]*\}", "[^/]+", route.path)) for route in REACHABLE]
    assert {addresses.ACCEPT, addresses.DATASTORE, addresses.TOKEN} <= asked
    assert [path for path in sorted(asked) if not any(one.fullmatch(path) for one in known)] == []


def test_pages_and_panel_spell_no_address_themselves() -> None:
    files = [*(APP / "lesion_tracker/server/review/web").glob("*.*"), *(APP / "clients/ohif").glob("*.js")]
    assert len(files) > 5
    spelled = re.compile(
        r"""["'`](?:\.{0,2}/)?(?:lesions|ohif|infer|train|models|logout|login)/|(?:send|fetch|ask)\(["'`][^$]"""
    )
    assert {path.name: spelled.findall(path.read_text()) for path in files if spelled.search(path.read_text())} == {}
