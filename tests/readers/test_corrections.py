"""Accepted and corrected points become lesions; lesions are renamed, deleted and restored; each step can be undone."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track

LESION = Lesion("lesion_1", (1.0, 2.0, 3.0), 6.0, marked_by="reader")
TRACK = Track(
    lesion_id="lesion_1",
    baseline_study="first",
    followup_study="second",
    center_mm=(4.0, 5.0, 6.0),
    expected_radius_mm=7.0,
    confidence=0.8,
    state="found",
    expected_mm=(4.0, 5.0, 7.0),
    method="affine",
    tracking_uid="2.25.7",
    model={"name": "m", "sha256": "00", "card": {}},
    created_at="2021-01-02T00:00:00+00:00",
)
TIME = "2030-01-01T00:00:00.000+00:00"


@pytest.fixture
def store(tmp_path: Path) -> MarkStore:
    store = MarkStore(tmp_path / "labels")
    store.add_tracks("second", [TRACK])
    return store


def test_an_accepted_track_becomes_the_studys_lesion(store: MarkStore) -> None:
    assert store.lesions("second") == []
    assert store.studies("lesions") == set()
    (answer,) = store.accept("second", ["lesion_1"], "dr a")
    assert (answer.verdict, answer.corrected_by, answer.moved_mm) == ("accepted", "dr a", 0.0)
    assert answer.track == TRACK
    (lesion,) = store.lesions("second")
    assert (lesion.id, lesion.tracking_uid, lesion.center_mm) == ("lesion_1", "2.25.7", (4.0, 5.0, 6.0))
    assert (lesion.radius_mm, lesion.study_id, lesion.marked_by) == (7.0, "second", "dr a")
    assert store.studies("lesions") == {"second"}


def test_a_corrected_point_becomes_the_studys_lesion_and_keeps_the_model_that_was_wrong(store: MarkStore) -> None:
    store.correct("second", [Correction(TRACK, (4.0, 9.0, 6.0), "dr a")])
    (lesion,) = store.lesions("second")
    assert lesion.center_mm == (4.0, 9.0, 6.0)
    (line,) = (store._folder / "corrections" / "second.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert kept["schema"] == 3
    assert kept["correction"]["track"]["center_mm"] == [4.0, 5.0, 6.0]
    assert kept["correction"]["center_mm"] == [4.0, 9.0, 6.0]
    assert kept["correction"]["track"]["model"]["name"] == "m"
    assert store.corrections("second")[0].moved_mm == 4.0


def test_undo_takes_back_one_answer_at_a_time_and_keeps_all_lines(store: MarkStore) -> None:
    store.correct("second", [Correction(TRACK, (4.0, 9.0, 6.0), "dr a")])
    store.accept("second", ["lesion_1"], "dr b")
    assert store.undo(["second"], "lesion_1", "dr b") == ["accepted"]
    assert store.corrections("second")[0].center_mm == (4.0, 9.0, 6.0)
    assert store.undo(["second"], "lesion_1", "dr a") == ["corrected"]
    assert store.corrections("second") == []
    assert store.lesions("second") == []
    with pytest.raises(InputError, match="nothing to undo"):
        store.undo(["second"], "lesion_1", "dr a")
    assert len((store._folder / "corrections" / "second.jsonl").read_text().splitlines()) == 4


def test_the_later_of_mark_and_answer_counts(store: MarkStore) -> None:
    store.accept("second", ["lesion_1"], "dr a")
    store.mark("second", [replace(LESION, marked_at=TIME)])
    (lesion,) = store.lesions("second")
    assert (lesion.center_mm, lesion.tracking_uid) == (LESION.center_mm, "2.25.7")
    assert store.undo(["second"], "lesion_1", "reader") == ["mark"]
    assert store.lesions("second")[0].center_mm == TRACK.center_mm


def test_an_answer_to_an_older_track_stays_the_readers_lesion(store: MarkStore) -> None:
    store.correct("second", [Correction(TRACK, (4.0, 9.0, 6.0), "dr a")])
    store.add_tracks("second", [TRACK.with_changes(center_mm=(0.0, 0.0, 0.0), created_at=TIME)])
    assert store.lesions("second")[0].center_mm == (4.0, 9.0, 6.0)
    again = store.records("second").superseded_track(store.corrections("second")[0])
    assert again is not None
    assert again.center_mm == (0.0, 0.0, 0.0)


def test_what_was_not_tracked_or_lies_outside_cannot_be_accepted(store: MarkStore) -> None:
    store.add_tracks("second", [TRACK.with_changes(lesion_id="lesion_2", state="outside")])
    with pytest.raises(InputError, match="lesion_9 has not been tracked"):
        store.accept("second", ["lesion_1", "lesion_9"], "")
    with pytest.raises(InputError, match="expected outside of this scan"):
        store.accept("second", ["lesion_1", "lesion_2"], "")
    assert store.corrections("second") == []


def test_a_renamed_lesion_keeps_id_and_uid_everywhere(store: MarkStore) -> None:
    store.rename(["second"], "lesion_1", "  right   upper lobe ", "dr a")
    store.accept("second", ["lesion_1"], "dr a")
    (lesion,) = store.lesions("second")
    assert (lesion.id, lesion.label, lesion.tracking_uid) == ("lesion_1", "right upper lobe", "2.25.7")
    assert store.tracks("second")[0].label == store.corrections("second")[0].track.label == "right upper lobe"
    store.mark("second", [replace(LESION, marked_at=TIME)])
    assert store.lesions("second")[0].label == "right upper lobe"


@pytest.mark.parametrize("label", ["", "   ", "x" * 65, "a\x00b"])
def test_a_name_that_is_none_is_refused(store: MarkStore, label: str) -> None:
    with pytest.raises(InputError, match="1 to 64 visible characters"):
        store.rename(["second"], "lesion_1", label, "")


def test_a_deleted_lesion_counts_nowhere_until_it_is_restored(store: MarkStore) -> None:
    store.accept("second", ["lesion_1"], "dr a")
    store.delete(["second"], "lesion_1", "dr a")
    assert (store.lesions("second"), store.tracks("second"), store.corrections("second")) == ([], [], [])
    assert store.records("second").deleted() == ["lesion_1"]
    with pytest.raises(InputError, match="no lesion 'lesion_1'"):
        store.delete(["second"], "lesion_1", "dr a")
    store.restore(["second"], "lesion_1", "dr b")
    assert len(store.lesions("second")) == len(store.tracks("second")) == len(store.corrections("second")) == 1
    with pytest.raises(InputError, match="nothing to restore"):
        store.restore(["second"], "lesion_1", "dr b")


def test_a_deletion_can_be_undone(store: MarkStore) -> None:
    store.delete(["second"], "lesion_1", "dr a")
    assert store.undo(["second"], "lesion_1", "dr a") == ["delete"]
    assert len(store.tracks("second")) == 1


def test_another_lesion_under_a_deleted_ones_id_has_a_uid_and_a_past_of_its_own(store: MarkStore) -> None:
    store.accept("second", ["lesion_1"], "dr a")
    store.delete(["second"], "lesion_1", "dr a")
    (lesion,) = store.mark("second", [LESION])
    assert lesion.tracking_uid != "2.25.7"
    assert store.tracks("second") == store.corrections("second") == []


def test_tracking_a_deleted_lesion_again_brings_it_back(store: MarkStore) -> None:
    store.delete(["second"], "lesion_1", "dr a")
    store.add_tracks("second", [TRACK.with_changes(created_at=TIME)])
    assert [track.created_at for track in store.tracks("second")] == [TIME]


def test_two_readers_at_once_lose_nothing(store: MarkStore) -> None:
    other = MarkStore(store._folder)

    def answer(number: int) -> None:
        reader = store if number % 2 else other
        reader.correct("second", [Correction(TRACK, (float(number), 5.0, 6.0), f"reader {number}")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(answer, range(40)))
    lines = (store._folder / "corrections" / "second.jsonl").read_text().splitlines()
    assert {json.loads(line)["correction"]["corrected_by"] for line in lines} == {f"reader {n}" for n in range(40)}
    assert store.corrections("second") == other.corrections("second")


def test_a_torn_answer_is_cut_off_and_the_next_one_kept(store: MarkStore) -> None:
    store.accept("second", ["lesion_1"], "dr a")
    path = store._folder / "corrections" / "second.jsonl"
    path.write_bytes(path.read_bytes() + b'{"schema": 2, "action": "un')
    assert store.corrections("second")[0].verdict == "accepted"
    store.correct("second", [Correction(TRACK, (4.0, 9.0, 6.0), "dr b")])
    assert MarkStore(store._folder).corrections("second")[0].corrected_by == "dr b"


def test_records_of_the_first_schema_are_read(tmp_path: Path) -> None:
    store = MarkStore(tmp_path)
    (tmp_path / "corrections").mkdir()
    old = {key: value for key, value in Correction(TRACK, (4.0, 9.0, 6.0)).to_json().items() if key != "verdict"}
    (tmp_path / "corrections" / "second.jsonl").write_text(json.dumps({"schema": 1, "correction": old}) + "\n")
    assert store.corrections("second")[0].verdict == "corrected"


@pytest.mark.parametrize(
    ("tag", "line"),
    [
        ("lesions", {"action": "explode", "lesion_id": "lesion_1", "by": "", "at": ""}),
        ("lesions", {"action": "rename", "lesion_id": "lesion_1", "by": "", "at": ""}),
        ("lesions", {"action": "delete", "lesion_id": 7, "by": "", "at": ""}),
        ("corrections", {"action": "delete", "lesion_id": "lesion_1", "by": "", "at": ""}),
    ],
)
def test_a_line_that_nobody_could_have_written_is_named(store: MarkStore, tag: str, line: dict[str, object]) -> None:
    (store._folder / tag).mkdir()
    (store._folder / tag / "second.jsonl").write_text(json.dumps({"schema": 2, **line}) + "\n")
    with pytest.raises(FileFormatError, match=r"second.jsonl, line 1"):
        store.lesions("second")


def test_an_accepted_point_is_the_tracked_one() -> None:
    with pytest.raises(ValueError, match="an accepted point is the tracked one"):
        Correction(TRACK, (0.0, 0.0, 0.0), verdict="accepted")
    with pytest.raises(FileFormatError, match="verdict"):
        Correction.from_json({"track": TRACK.to_json(), "center_mm": [1, 2, 3], "verdict": "maybe"})
