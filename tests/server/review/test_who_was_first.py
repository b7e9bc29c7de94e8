"""Nobody overwrites anybody: a click names what it answers; undo names what it takes back, and can be done again."""

import html
import json
import re
from typing import Any

import pytest

from lesion_tracker.records.lesion import Lesion
from tests.server.review.conftest import STUDIES, Page, ShiftingEngine
from tests.server.review.test_page import seen as track_seen
from tests.server.review.test_page import track_all

FIRST, SECOND, THIRD = STUDIES
LESION = {"lesion": "lesion_1"}
ON = {"patient": "eve", **LESION}


def shown(page: Page, study: str) -> dict[str, str]:
    """Return what the cell of a study holds for the clicks on it."""
    text = page.http.get("/lesions/", params={"patient": "eve"}).text
    cell = re.search(rf'<div class="cell[^>]*data-study="{study}"[^>]*>', text, re.DOTALL)
    assert cell is not None
    return dict(re.findall(r'data-(\w+)="([^"]*)"', cell[0]))


def all_seen(page: Page) -> dict[str, str]:
    return {study: shown(page, study)["seen"] for study in STUDIES}


def answered(page: Page, what: str, expect: int = 200, **body: Any) -> Any:
    """Send an answer to the second study's cell; by default to what is shown there now."""
    now = {"track": track_seen(page, SECOND), "seen": shown(page, SECOND)["seen"]}
    return page.post(what, expect, study=SECOND, **LESION, **{**now, **body})


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("accept", {}),
        ("move", {"center_mm": [2, 3, -157]}),
        ("close", {"closing": "not_evaluable"}),
        ("delete", None),
        ("rename", None),
        ("undo", None),
    ],
)
def test_a_click_on_what_another_reader_changed_is_refused_with_who_did_what(
    page: Page, what: str, body: dict[str, Any] | None
) -> None:
    track_all(page)
    page.post("rename", **ON, label="hilum", reader="dr a")
    before, cell = all_seen(page), shown(page, SECOND)
    answered(page, "accept", reader="dr b")
    stands = page.marks.corrections(SECOND)
    if body is not None:
        refused = answered(page, what, 409, seen=cell["seen"], reader="dr a", **body)
    elif what == "undo":
        refused = page.post("undo", 409, **ON, actions={SECOND: cell["action"]}, reader="dr a")
    else:
        more = {"label": "other"} if what == "rename" else {}
        refused = page.post(what, 409, **ON, **more, seen=before, reader="dr a")
    assert refused["detail"].startswith(
        f"hilum in {SECOND} has changed since this page was loaded: dr b accepted it at 20"
    )
    assert page.marks.corrections(SECOND) == stands
    assert not page.marks.records(FIRST).deleted()
    assert page.marks.records(FIRST).label("lesion_1") == "hilum"


def test_a_banners_undo_belongs_to_its_action_for_ever_and_can_be_done_again(page: Page) -> None:
    track_all(page)
    accepted = answered(page, "accept", reader="dr a")["actions"]
    moved = answered(page, "move", center_mm=[2, 3, -157], reader="dr a")["actions"]
    page.post("undo", 409, **ON, actions=accepted, reader="dr a")
    page.post("undo", 409, **ON, actions=moved, reader="dr b")
    undone = page.post("undo", **ON, actions=moved, reader="dr a")["actions"]
    assert page.marks.corrections(SECOND)[0].verdict == "accepted"
    page.post("undo", 409, **ON, actions=moved, reader="dr a")
    page.post("redo", 409, **ON, actions=undone, reader="dr b")
    again = page.post("redo", **ON, actions=undone, reader="dr a")["actions"]
    assert page.marks.corrections(SECOND)[0].center_mm == (2.0, 3.0, -157.0)
    page.post("redo", 409, **ON, actions=undone, reader="dr a")
    page.post("undo", **ON, actions=again, reader="dr a")
    page.post("undo", **ON, actions=accepted, reader="dr a")
    assert page.marks.corrections(SECOND) == []
    assert "names the undo" in page.post("redo", 422, **ON, reader="dr a")["detail"]


def test_a_name_is_taken_back_in_all_studies_also_from_one_of_them(page: Page) -> None:
    """U on one cell left the lesion with one name there and another elsewhere, and half deleted after a restore."""
    track_all(page)

    def labels() -> set[str]:
        return {page.marks.records(study).label("lesion_1") for study in STUDIES}

    def undo(expect: int = 200) -> Any:
        return page.post("undo", expect, **ON, actions={SECOND: shown(page, SECOND)["action"]}, reader="dr a")

    page.post("rename", **ON, label="hilum", seen=all_seen(page), reader="dr a")
    undone = undo()
    assert (labels(), sorted(undone["studies"])) == ({"lesion_1"}, sorted(STUDIES))
    page.post("redo", **ON, actions=undone["actions"], reader="dr a")
    assert labels() == {"hilum"}
    page.post("delete", **ON, seen=all_seen(page), reader="dr a")
    page.post("restore", **ON, reader="dr a")
    undo()
    assert all("lesion_1" in page.marks.records(study).deleted() for study in STUDIES)
    page.post("restore", **ON, reader="dr a")
    page.post("rename", **ON, label="apex", seen=all_seen(page), reader="dr a")
    page.post("accept", study=THIRD, **LESION, track=page.marks.tracks(THIRD)[0].created_at, reader="dr b")
    assert f"apex in {THIRD} has changed since this page was loaded: dr b accepted it" in undo(409)["detail"]
    assert labels() == {"apex"}


def test_what_was_done_to_a_lesion_in_all_studies_is_taken_back_and_done_again_whole(page: Page) -> None:
    track_all(page)
    named = page.post("rename", **ON, label="hilum", seen=all_seen(page), reader="dr a")["actions"]
    deleted = page.post("delete", **ON, seen=all_seen(page), reader="dr a")["actions"]
    text = page.http.get("/lesions/", params={"patient": "eve"}).text
    restore = re.search(r'data-do="restore"[^>]*data-seen="([^"]*)"', text)
    assert restore is not None
    undone = page.post("undo", **ON, actions=deleted, reader="dr a")["actions"]
    page.post("restore", 409, **ON, seen=json.loads(html.unescape(restore[1])), reader="dr b")
    page.post("redo", **ON, actions=undone, reader="dr a")
    assert all("lesion_1" in page.marks.records(study).deleted() for study in STUDIES)
    page.post("restore", **ON, reader="dr b")
    page.post("undo", 409, **ON, actions=named, reader="dr a")
    assert {page.marks.records(study).label("lesion_1") for study in STUDIES} == {"hilum"}


def test_a_lesion_that_is_deleted_while_a_job_runs_stays_deleted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    page.marks.mark(FIRST, [Lesion("lesion_2", (4.0, 4.0, -150.0), 5.0)])
    track_all(page)
    tracked = ShiftingEngine.track

    def meanwhile(self: ShiftingEngine, *given: Any, **named: Any) -> Any:
        found = tracked(self, *given, **named)
        if not page.marks.records(FIRST).deleted():
            page.post("delete", **ON, reader="dr b")
        return found

    monkeypatch.setattr(ShiftingEngine, "track", meanwhile)
    assert track_all(page)["tracked"] == 2  # lesion_2, in two studies
    assert {row.lesion_id for row in page.review.patient("eve").rows} == {"lesion_2"}
    assert all("lesion_1" in page.marks.records(study).deleted() for study in STUDIES)
    monkeypatch.undo()
    page.post("restore", **ON, reader="dr b")
    page.marks.delete([THIRD], "lesion_1", "dr b")
    assert track_all(page)["tracked"] == 4  # asked for after it was deleted there, it is tracked there again
    assert "lesion_1" in page.marks.records(THIRD).lesion_ids()


def test_the_history_of_a_cell_says_who_when_and_from_where_to_where(page: Page) -> None:
    track_all(page)
    answered(page, "move", center_mm=[2, 3, -157], reader="dr <a>")
    page.post("undo", **ON, actions={SECOND: shown(page, SECOND)["action"]}, reader="dr <a>")
    answered(page, "close", closing="not_evaluable", reader="dr b")
    steps = page.marks.records(SECOND).steps("lesion_1")
    assert [step.words for step in steps] == [
        "the tracker tracked it",
        "dr <a> corrected it",
        "dr <a> took back a step (corrected)",
        "dr b closed it",
    ]
    tracked, corrected = (2.0, -1.0, -157.0), (2.0, 3.0, -157.0)
    moves = [(None, tracked), (tracked, corrected), (corrected, tracked), (tracked, None)]
    assert [(step.from_mm, step.to_mm) for step in steps] == moves
    text = page.http.get("/lesions/", params={**ON, "study": SECOND}).text
    for words in ("History: 4 steps", "dr &lt;a&gt; corrected it", "2.0, 3.0, -157.0", f"from {FIRST}, shift"):
        assert words in text
