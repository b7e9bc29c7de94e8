"""What is to look at, in true words: not tracked, failed, outdated, closed; and when a patient is done."""

import csv
import io
import warnings
from concurrent.futures import Future
from typing import Any

import pytest

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.readers.cell import Cell
from lesion_tracker.records.lesion import Lesion
from tests.server.review.conftest import STUDIES, Page, ShiftingEngine
from tests.server.review.test_page import seen, track_all

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # as in conftest
    from lesion_tracker.server.review.jobs import Job
    from lesion_tracker.server.review.routes import told

FIRST, SECOND, THIRD = STUDIES


def cell(page: Page, study: str) -> Cell:
    return page.review.patient("eve").row("lesion_1").cells[study]


def counts(page: Page) -> dict[str, int]:
    return {state.name: number for state, number in page.review.patient("eve").to_look_at}


def accept(page: Page, study: str) -> None:
    page.post("accept", study=study, lesion="lesion_1", track=seen(page, study))


def test_a_patient_is_done_when_every_later_study_is_tracked_and_every_cell_closed(page: Page) -> None:
    assert counts(page) == {"untracked": 2}
    track_all(page)
    assert counts(page) == {"uncertain": 2}
    accept(page, SECOND)
    shown = page.http.get("/lesions/", params={"patient": "eve"}).text
    assert "1 uncertain" in shown
    assert "done" not in page.http.get("/lesions/").text
    accept(page, THIRD)
    assert counts(page) == {}
    assert "done" in page.http.get("/lesions/").text


def test_why_it_failed_survives_a_reload_until_it_is_tracked(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise RegistrationFailed("there is no body in 'the second study'")

    with monkeypatch.context() as broken:
        broken.setattr(ShiftingEngine, "track", refuse)
        track_all(page)
    assert counts(page) == {"failed": 2}
    assert "could not be tracked: there is no body in" in page.http.get("/lesions/", params={"patient": "eve"}).text
    track_all(page)
    assert counts(page) == {"uncertain": 2}
    with monkeypatch.context() as broken:
        broken.setattr(ShiftingEngine, "track", refuse)
        track_all(page)
    assert cell(page, SECOND).kind == "tracked"
    assert "there is no body" in cell(page, SECOND).reason


def test_a_cell_is_closed_without_a_point_and_taken_up_again(page: Page) -> None:
    page.post("close", study=SECOND, lesion="lesion_1", closing="not_evaluable", reader="dr b")
    assert cell(page, SECOND).words == "not evaluable by dr b"
    assert counts(page) == {"untracked": 1}
    assert track_all(page)["tracked"] == 1  # what is closed is not tracked
    assert "is not open" in page.post("close", 422, study=SECOND, lesion="lesion_1", closing="not_evaluable")["detail"]
    page.post("undo", patient="eve", lesion="lesion_1", studies=[SECOND], reader="dr b")
    assert cell(page, SECOND).kind == "untracked"


def test_a_job_that_ends_while_it_is_asked_for_tells_all_that_it_did() -> None:
    class Ending(Future[None]):
        def done(self) -> bool:
            job.tracked, job.done = 3, 2
            return True

        def exception(self, timeout: float | None = None) -> None:
            """None."""

    job = Job("1", "eve", 2, ("eve", "", frozenset(), "forwards"), future=Ending())
    one = told(job)
    assert (one["state"], one["tracked"], one["done"]) == ("done", 3, 2)


def test_outside_is_agreed_to_only_where_it_is_expected_outside(page: Page) -> None:
    assert (
        "not expected outside" in page.post("close", 422, study=SECOND, lesion="lesion_1", closing="agreed")["detail"]
    )
    track_all(page)
    (track,) = page.marks.tracks(SECOND)
    page.marks.add_tracks(SECOND, [track.with_changes(state="outside", created_at="2030-01-01T00:00:00+00:00")])
    page.post("close", study=SECOND, lesion="lesion_1", closing="agreed", track="2030-01-01T00:00:00+00:00")
    assert cell(page, SECOND).words == "outside: agreed"
    page.post("close", 409, study=THIRD, lesion="lesion_1", closing="not_evaluable", track="old")
    page.post("close", 422, study=THIRD, lesion="lesion_1", closing="gone for lunch")


def test_later_tracks_are_outdated_once_an_earlier_point_has_changed(page: Page) -> None:
    track_all(page)
    accept(page, SECOND)
    assert counts(page) == {"uncertain": 1}  # a track that was right changes nothing of what follows
    page.post("undo", patient="eve", lesion="lesion_1", studies=[SECOND])
    page.post("move", study=SECOND, lesion="lesion_1", center_mm=[20, 3, -157], track=seen(page, SECOND))
    assert counts(page) == {"outdated": 1}
    assert cell(page, THIRD).words == "outdated: an earlier point changed"
    track_all(page)
    assert counts(page) == {"uncertain": 1}
    page.post("undo", patient="eve", lesion="lesion_1", studies=[SECOND])
    assert (cell(page, THIRD).color, cell(page, SECOND).color) == ("outdated", "uncertain")
    assert 'id="track-outdated"' in page.http.get("/lesions/", params={"patient": "eve"}).text
    track_all(page)
    page.post("move", study=FIRST, lesion="lesion_1", center_mm=[1, 0, -160])
    assert counts(page) == {"outdated": 2}


def test_a_lesion_is_tracked_backwards_from_a_later_study(page: Page) -> None:
    page.marks.mark(THIRD, [Lesion("late", (4.0, 4.0, -150.0), 5.0)])
    known = page.review.patient("eve").row("late")
    assert list(known.cells) == [THIRD]
    assert track_all(page, baseline=THIRD, lesions=["late"], direction="backwards")["tracked"] == 2
    known = page.review.patient("eve").row("late")
    assert list(known.cells) == list(STUDIES)
    assert known.cells[FIRST].color == "uncertain"


def test_the_table_says_what_is_missing_and_calls_no_expected_radius_measured(page: Page) -> None:
    page.marks.add_failures(SECOND, ["lesion_1"], "no body")
    text = page.http.get("/lesions/table.csv", params={"patient": "eve"}).content.decode("utf-8-sig")
    first, second, third = csv.DictReader(io.StringIO(text))
    assert (first["radius_mm"], first["status"]) == ("6.00", "marked")
    assert (second["status"], second["reason"], second["x_mm"]) == ("failed", "no body", "")
    assert (third["status"], third["shown_as"]) == ("untracked", "not tracked")
    track_all(page)
    accept(page, SECOND)
    text = page.http.get("/lesions/table.csv", params={"patient": "eve"}).content.decode("utf-8-sig")
    _, second, third = csv.DictReader(io.StringIO(text))
    assert (second["radius_mm"], third["radius_mm"]) == ("", "")
    assert float(third["expected_radius_mm"]) == 6.0
