"""What a reader sees and does: accept, correct, undo, rename, delete, restore, track all, CSV."""

import csv
import errno
import html
import io
import re
import time
import warnings
from typing import Any

import pytest
import torch

from lesion_tracker.errors import NotFound
from lesion_tracker.records.lesion import Lesion
from tests.server.review.conftest import STUDIES, Page, ShiftingEngine

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # as in conftest
    from lesion_tracker.server.review.measuring import Measuring
    from lesion_tracker.server.review.pages import FIRST_ROWS
    from lesion_tracker.server.review.views import Views

FIRST, SECOND, THIRD = STUDIES


def track_all(page: Page, what: str = "track", **more: Any) -> dict[str, Any]:
    job = page.post(what, patient="eve", **more)
    end = time.monotonic() + 60
    while job["state"] == "running" and time.monotonic() < end:
        time.sleep(0.02)
        job = page.http.get(f"/lesions/track/{job['id']}").json()
    assert job["state"] == "done", job
    return job


def seen(page: Page, study: str, lesion: str = "lesion_1") -> str:
    return next(track.created_at for track in page.marks.tracks(study) if track.lesion_id == lesion)


def test_the_pages_name_patients_lesions_states_and_load_nothing_from_elsewhere(page: Page) -> None:
    track_all(page)
    patients = page.http.get("/lesions/")
    assert "eve" in patients.text
    shown = page.http.get("/lesions/", params={"patient": "eve"})
    for text in (
        "lesion_1",
        "marked by dr a",
        "a reader should look",
        "confidence 0.60 (not calibrated)",
        "2020-07-01",
    ):
        assert text in shown.text
    large = page.http.get("/lesions/", params={"patient": "eve", "lesion": "lesion_1", "study": SECOND})
    assert "Save correction" in large.text
    for answer in (patients, shown, large):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "http://" not in answer.text
        assert "https://" not in answer.text


def test_the_first_lesion_of_a_patient_is_marked_on_the_page(page: Page) -> None:
    page.post("delete", patient="eve", lesion="lesion_1", reader="dr a")
    empty = page.http.get("/lesions/", params={"patient": "eve"}).text
    (link,) = re.findall(r'href="([^"]*)">Mark the first one here', empty)
    new = page.http.get("/lesions/" + html.unescape(link).removeprefix("./"))
    assert f'data-study="{FIRST}"' in new.text
    assert "a new lesion" in new.text
    assert page.post("mark", study=FIRST, center_mm=[2, 2, -150], reader="dr b")["lesion"] == "lesion_2"
    grid = page.http.get("/lesions/", params={"patient": "eve", "study": "unknown"}).text
    assert 'id="grid"' in grid


def test_the_first_rows_of_many_lesions_are_sent_before_the_last_are_written(page: Page) -> None:
    page.marks.mark(FIRST, [Lesion(f"lesion_{n}", (0.0, 0.0, -160.0 + n / 10), 6.0) for n in range(2, 62)])
    known = page.review
    views = Views(known, known._catalog, Measuring(known._catalog, page.marks, known._engine, known._bound))
    parts = list(views.html("eve", "", "", "", ""))
    rows = [part.count('class="row lesion"') for part in parts]
    assert sum(rows) == 61
    assert max(rows) < 20
    text = page.http.get("/lesions/", params={"patient": "eve"}).text
    assert text.count('class="row lesion"') == 61
    shown, _, rest = text.partition('<template id="rest">')
    assert (shown.count('class="row lesion"'), shown.count('src="grid.js"')) == (FIRST_ROWS, 1)  # which work at once
    assert "The other 41 lesions are being loaded" in shown
    assert (rest.count("</template>"), "<script" in rest) == (1, False)


def test_an_accepted_point_is_where_the_third_study_is_tracked_from(page: Page) -> None:
    track_all(page, lesions=["lesion_1"])
    assert [track.baseline_study for track in page.marks.tracks(THIRD)] == [FIRST]
    page.post("accept", study=SECOND, lesion="lesion_1", track=seen(page, SECOND), reader=" dr  b ")
    assert page.marks.corrections(SECOND)[0].corrected_by == "dr b"
    job = track_all(page)
    assert (job["total"], job["done"], job["tracked"]) == (2, 2, 1)
    assert [track.baseline_study for track in page.marks.tracks(THIRD)] == [SECOND]
    track_all(page, baseline=FIRST)
    assert [track.baseline_study for track in page.marks.tracks(THIRD)] == [FIRST]
    uids = {lesion.tracking_uid for study in (FIRST, SECOND) for lesion in page.marks.lesions(study)}
    assert len(uids) == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "the GPU has not enough free memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EROFS, "Read-only file system"), "the file system is read-only"),
        (NotFound("no study 'x'"), "no study 'x'"),
    ],
)
def test_what_the_machine_lacks_is_said_of_its_study_and_the_next_one_is_tracked(
    page: Page, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    tracked = ShiftingEngine.track

    def once(self: ShiftingEngine, baseline: Any, followup: Any, *more: Any, **named: Any) -> Any:
        if followup.id == SECOND:
            raise error
        return tracked(self, baseline, followup, *more, **named)

    monkeypatch.setattr(ShiftingEngine, "track", once)
    job = track_all(page)
    assert (job["done"], job["total"], job["tracked"]) == (2, 2, 1)
    assert len(job["messages"]) == 1
    assert job["messages"][0].startswith(f"{SECOND}: ")
    assert text in job["messages"][0]
    assert page.marks.tracks(SECOND) == []
    assert len(page.marks.tracks(THIRD)) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_server_ends_the_job_and_is_said(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(ShiftingEngine, "track", fault)
    job = page.post("track", patient="eve")
    end = time.monotonic() + 60
    while job["state"] == "running" and time.monotonic() < end:
        time.sleep(0.02)
        job = page.http.get(f"/lesions/track/{job['id']}").json()
    assert job["state"] == "failed"


def test_a_correction_is_kept_undone_and_not_overwritten_by_tracking(page: Page) -> None:
    track_all(page)
    done = page.post("move", study=SECOND, lesion="lesion_1", center_mm=[2, 3, -157], track=seen(page, SECOND))
    assert done["done"] == "lesion_1 corrected, 4.0 mm"
    track_all(page)
    assert page.marks.lesions(SECOND)[0].center_mm == (2.0, 3.0, -157.0)
    assert page.marks.lesions(SECOND)[0].tracking_uid == page.marks.lesions(FIRST)[0].tracking_uid
    assert "corrected" in page.http.get("/lesions/", params={"patient": "eve"}).text
    page.post("undo", patient="eve", lesion="lesion_1", studies=[SECOND])
    assert page.marks.corrections(SECOND) == []
    assert "nothing to undo" in page.post("undo", 422, patient="eve", lesion="lesion_1", studies=[SECOND])["detail"]


def test_a_lesion_is_marked_by_hand_in_another_study_as_the_same_lesion(page: Page) -> None:
    page.post("move", study=THIRD, lesion="lesion_1", center_mm=[5, 5, -150])
    (lesion,) = page.marks.lesions(THIRD)
    assert lesion.tracking_uid == page.marks.lesions(FIRST)[0].tracking_uid
    assert lesion.radius_mm == 6.0


@pytest.mark.parametrize(
    ("what", "status", "body", "text"),
    [
        ("move", 422, {"study": FIRST, "lesion": "lesion_1", "center_mm": [0, 0, 900]}, "is outside study"),
        ("move", 409, {"study": FIRST, "lesion": "lesion_1", "center_mm": [0, 0, -160], "track": "old"}, "has changed"),
        ("move", 404, {"study": "nobody", "lesion": "lesion_1", "center_mm": [0, 0, 0]}, "no study"),
        ("move", 422, {"study": "../x", "lesion": "lesion_1", "center_mm": [0, 0, 0]}, "no study id"),
        ("accept", 404, {"study": "0" * 250, "lesion": "lesion_1", "track": ""}, "no study '000"),
        ("accept", 422, {"study": SECOND, "lesion": "lesion_1", "track": ""}, "has not been tracked"),
        ("track", 422, {"patient": "nobody"}, "no study of patient"),
        ("track", 422, {"patient": "eve", "baseline": SECOND}, "nothing is marked"),
        ("track", 422, {"patient": "eve", "baseline": "x"}, "is none of patient"),
        ("delete", 404, {"patient": "eve", "lesion": "lesion_7"}, "no lesion"),
        ("delete", 422, {"patient": "eve", "lesion": "lesion_1", "studies": ["bob"]}, "no study of patient"),
        ("restore", 422, {"patient": "eve", "lesion": "lesion_1"}, "not deleted"),
        ("rename", 422, {"patient": "eve", "lesion": "lesion_1", "label": " "}, "1 to 64 visible characters"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    page: Page, what: str, status: int, body: dict[str, Any], text: str
) -> None:
    before = page.marks.lesions(FIRST)
    assert text in page.post(what, status, **body)["detail"]
    assert page.marks.lesions(FIRST) == before
    assert not any(SECOND in page.marks.studies(tag) for tag in ("lesions", "tracks", "corrections"))


def test_nonsense_is_refused_and_forms_of_other_pages_are_not_taken(page: Page) -> None:
    page.post("move", 422, study=FIRST, lesion="lesion_1", center_mm=[0, 0])
    page.post("move", 422, study=FIRST, lesion="lesion_1", center_mm=[0, 0, "NaN"])
    form = page.http.post("/lesions/delete", content='{"patient": "eve"}', headers={"content-type": "text/plain"})
    assert form.status_code in (415, 422)
    for query in ({"patient": "nobody"}, {"patient": "eve", "lesion": "<script>"}):
        answer = page.http.get("/lesions/", params=query)
        assert answer.status_code == 404
        assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        '{"study": "\\udc80"}',
        '{"patient": NaN}',
        '{"x": 1e400}',
        '{"\\udfff": 1}',
        '{"a": ' + "[" * 100_000,
        "\ud7ff",
        "",
    ],
    ids=["half a letter", "no number", "endless", "key", "deep", "no JSON", "nothing"],
)
@pytest.mark.parametrize("what", ["accept", "move", "undo", "delete", "restore", "rename", "track"])
def test_json_that_could_not_be_sent_back_is_refused_as_well(page: Page, what: str, body: str) -> None:
    answer = page.http.post(f"/lesions/{what}", content=body.encode(), headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


def test_no_text_or_truth_value_is_a_coordinate_and_no_unseen_letter_a_reader(page: Page) -> None:
    at = {"study": FIRST, "lesion": "lesion_1"}
    page.post("move", 422, **at, center_mm=["1.0", 2.0, 3.0])
    page.post("move", 422, **at, center_mm=[True, 2.0, 3.0])
    page.post("size", 422, **at, seen="", size="", axes_mm=[[["1", 0, 0], [9, 0, 0]], [[5, -3, 0], [5, 3, 0]]])
    page.post("traits", 422, patient="eve", lesion="lesion_1", node="yes")
    refused = page.post("fate", 422, **at, fate="gone", reader="ann\u202e")["detail"]
    assert "a reader's name must have 1 to 64 visible characters" in refused
    page.post("fate", **at, fate="gone", reader=" ann  b ")
    assert page.marks.history("fates", FIRST).last()["fate"]["said_by"] == "ann b"


def test_a_lesion_is_renamed_deleted_and_restored_in_all_studies(page: Page) -> None:
    track_all(page)
    assert page.post("rename", patient="eve", lesion="lesion_1", label="<b>hilum</b>")["studies"] == list(STUDIES)
    shown = page.http.get("/lesions/", params={"patient": "eve"}).text
    assert "&lt;b&gt;hilum&lt;/b&gt;" in shown
    assert "<b>hilum" not in shown
    assert page.post("delete", patient="eve", lesion="lesion_1")["studies"] == list(STUDIES)
    assert page.marks.lesions(FIRST) == page.marks.tracks(SECOND) == []
    assert 'data-do="restore"' in page.http.get("/lesions/", params={"patient": "eve"}).text
    page.post("restore", patient="eve", lesion="lesion_1")
    assert page.marks.lesions(FIRST)[0].label == "<b>hilum</b>"
    page.marks.mark(FIRST, [Lesion("lesion_2", (4.0, 4.0, -150.0), 5.0)])
    assert "already" in page.post("rename", 422, patient="eve", lesion="lesion_2", label="lesion_1")["detail"]
    page.post("rename", patient="eve", lesion="lesion_1", label="Node 10")
    page.post("rename", patient="eve", lesion="lesion_2", label="node 9")
    rows = page.review.patient("eve").rows
    assert [row.lesion_id for row in rows] == ["lesion_2", "lesion_1"]  # as they are called, whatever their ids


def test_the_table_holds_a_line_a_lesion_and_study(page: Page) -> None:
    track_all(page)
    page.post("move", study=SECOND, lesion="lesion_1", center_mm=[2, 3, -157], track=seen(page, SECOND), reader="dr b")
    page.post("rename", patient="eve", lesion="lesion_1", label="=1+1")
    answer = page.http.get("/lesions/table.csv", params={"patient": "eve"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["study"] for row in rows] == list(STUDIES)
    assert [row["status"] for row in rows] == ["marked", "corrected", "tracked"]
    assert [row["study_date"] for row in rows] == ["20200101", "20200701", "20210101"]
    assert (rows[1]["x_mm"], rows[1]["y_mm"], rows[1]["z_mm"]) == ("2.00", "3.00", "-157.00")
    assert (rows[1]["moved_by_reader_mm"], rows[1]["reader"], rows[1]["confidence"]) == ("4.00", "dr b", "0.600")
    assert {row["lesion"] for row in rows} == {"'=1+1"}
    assert rows[0]["x_mm"] == "0.00"
    assert (rows[2]["reader"], rows[2]["moved_by_reader_mm"]) == ("", "")
    page.post("accept", study=THIRD, lesion="lesion_1", track=seen(page, THIRD), reader="dr c")
    answer = page.http.get("/lesions/table.csv", params={"patient": "eve"})
    third = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))[2]
    assert (third["status"], third["reader"], third["moved_by_reader_mm"]) == ("accepted", "dr c", "0.00")
    assert third["time"] != rows[2]["time"]


def test_two_hundred_lesions_are_one_page_with_lazy_images(page: Page) -> None:
    many = [Lesion(f"node_{n}", (n % 20 - 10.0, n % 15 - 7.0, -160.0 + n % 30), 4.0) for n in range(200)]
    page.marks.mark(FIRST, many)
    track_all(page)
    start = time.monotonic()
    text = page.http.get("/lesions/", params={"patient": "eve"}).text
    assert time.monotonic() - start < 10  # a bound on a busy machine; 0.2 s when it is idle
    assert text.count('loading="lazy"') == text.count("<img") == 3 * 201
    order = [text.index(f'data-lesion="node_{n}"') for n in (2, 10, 100)]
    assert order == sorted(order)
