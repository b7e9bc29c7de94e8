"""Chromium on a server with accounts: the form, the cookie that covers every page and OHIF's own requests, and its end."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.server.access.guard import COOKIE
from tests.browser.conftest import needs_browser, needs_orthanc, run_scenario
from tests.browser.test_ohif import MARK
from tests.pacs.orthanc import Orthanc
from tests.server.conftest import Server
from tests.server.locked_server import PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.pacs,
    pytest.mark.server,
    needs_browser,
    needs_orthanc,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PATIENT = "LIDC-IDRI-0001"


@pytest.fixture(scope="module")
def seen(locked: Server, studies: tuple[Orthanc, list[str]]) -> dict[str, Any]:
    """Return what a reader saw from the log-in form to the log-out."""
    baseline, followup = studies[1]
    given = {"user": "ann", "password": PASSWORD, "patient": PATIENT, "marks": {"lesion_1": MARK["center_mm"]}}
    return run_scenario(locked, "accounts.js", "whole", baseline=baseline, followup=followup, **given)


def test_the_form_comes_first_and_says_what_is_wrong(locked: Server, seen: dict[str, Any]) -> None:
    assert seen["form"]["url"].startswith(f"{locked.url}/login?next=/lesions/")
    assert seen["form"]["type"] == "password"
    assert seen["wrong"] == {"status": 401, "url": f"{locked.url}/login", "said": ["Wrong name or password."]}
    assert seen["right"]["status"] == 303
    assert seen["right"]["url"] == f"{locked.url}/lesions/?patient={PATIENT}"
    assert seen["review"] == {"reader": "ann", "locked": True}


def test_no_script_can_read_the_cookie_and_no_other_site_can_send_it(seen: dict[str, Any]) -> None:
    (cookie,) = seen["cookies"]
    assert (cookie["name"], cookie["path"]) == (COOKIE, "/")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert seen["script"] == ""


def test_ohif_marks_and_tracks_behind_the_log_in(locked: Server, seen: dict[str, Any]) -> None:
    assert [seen[step]["status"] for step in ("mark", "track")] == [200, 200]
    assert "lesion_1" in seen["panel"]
    (folder,) = (locked.studies / "data").rglob("lesions")
    marks = MarkStore(folder.parent)
    by_study = {study: marks.lesions(study) for study in marks.studies("lesions")}
    marked = [lesion for lesions in by_study.values() for lesion in lesions if lesion.id == "lesion_1"]
    assert {lesion.marked_by for lesion in marked} == {"ann"}
    off_mm = [np.linalg.norm(np.array(lesion.center_mm) - np.array(MARK["center_mm"])) for lesion in marked]
    assert min(off_mm) < 3.0  # a click is a voxel of 1 x 1 x 2.5 mm


def test_every_request_of_ohif_carries_the_cookie(seen: dict[str, Any]) -> None:
    carried: dict[str, set[bool]] = defaultdict(set)
    counts: dict[str, int] = defaultdict(int)
    for request in seen["sent"]:
        counts[request["part"]] += 1
        carried[request["part"]].add(request["cookie"])
    for part in ("proxy", "infer", "info", "ohif"):
        assert counts[part] > 0, counts
    for part in ("proxy", "infer"):
        assert carried[part] == {True}, part


def test_the_review_page_shows_and_keeps_answers_behind_the_log_in(seen: dict[str, Any]) -> None:
    assert seen["rows"] == 1
    assert seen["crops"] >= 2
    assert "accepted" in seen["accepted"]


def test_a_foreign_page_in_the_same_browser_can_neither_write_nor_read(seen: dict[str, Any]) -> None:
    assert seen["foreign"]["status"] == 403
    assert "Failed to fetch" in seen["foreign"]["write"]
    assert "Failed to fetch" in seen["foreign"]["read"]


def test_after_the_log_out_everything_is_refused_or_leads_to_the_form(locked: Server, seen: dict[str, Any]) -> None:
    after = seen["after"]
    assert COOKIE not in {cookie["name"] for cookie in after.pop("cookies")}  # OHIF keeps one with the language
    statuses = after.pop("statuses")
    assert len(statuses) == 9
    assert set(statuses.values()) == {401}, statuses
    assert len(after) == 3
    assert all(url.startswith(f"{locked.url}/login?next=") for url in after.values()), after
