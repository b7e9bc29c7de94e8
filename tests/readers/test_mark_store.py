"""Marks, tracks and corrections: the current state, and everything that it was before."""

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
    "lesion_1",
    "ann__20200101",
    "ann__20210101",
    (4.0, 5.0, 6.0),
    6.0,
    0.8,
    "found",
    (4.0, 5.0, 7.0),
    "affine",
    tracking_uid="2.25.7",
    created_at="2021-01-02T00:00:00+00:00",
)


@pytest.fixture
def store(tmp_path: Path) -> MarkStore:
    return MarkStore(tmp_path / "labels")


def test_a_mark_knows_its_study_its_time_and_its_uid(store: MarkStore) -> None:
    (lesion,) = store.mark("ann__20200101", [LESION])
    assert (lesion.study_id, lesion.marked_by) == ("ann__20200101", "reader")
    assert lesion.tracking_uid.startswith("2.25.")
    assert lesion.marked_at.endswith("+00:00")
    assert MarkStore(store._folder).lesions("ann__20200101") == [lesion]


def test_a_second_mark_of_a_label_updates_it_and_keeps_the_first_in_the_history(store: MarkStore) -> None:
    (first,) = store.mark("s", [LESION])
    (second,) = store.mark("s", [replace(LESION, center_mm=(9.0, 9.0, 9.0))])
    assert second.center_mm == (9.0, 9.0, 9.0)
    assert second.tracking_uid == first.tracking_uid
    assert len((store._folder / "lesions" / "s.jsonl").read_text().splitlines()) == 2


def test_the_same_mark_again_adds_no_line(store: MarkStore) -> None:
    store.mark("s", [LESION])
    store.mark("s", [replace(LESION, marked_by="somebody else")])
    assert len((store._folder / "lesions" / "s.jsonl").read_text().splitlines()) == 1


def test_no_marks_delete_nothing(store: MarkStore) -> None:
    before = store.mark("s", [LESION])
    assert store.mark("s", []) == before


def test_a_mark_of_a_tracked_lesion_is_the_same_lesion(store: MarkStore) -> None:
    store.add_tracks("s", [TRACK])
    assert store.mark("s", [LESION])[0].tracking_uid == "2.25.7"


def test_the_last_track_counts(store: MarkStore) -> None:
    later = TRACK.with_changes(center_mm=(8.0, 8.0, 8.0))
    store.add_tracks("s", [TRACK])
    store.add_tracks("s", [later])
    assert store.tracks("s") == [later]


def test_a_correction_keeps_both_points(store: MarkStore) -> None:
    (kept,) = store.correct("s", [Correction(TRACK, (5.0, 5.0, 5.0), corrected_by="reader")])
    assert (kept.track.center_mm, kept.center_mm) == ((4.0, 5.0, 6.0), (5.0, 5.0, 5.0))
    assert kept.corrected_by == "reader"
    assert kept.corrected_at.endswith("+00:00")
    assert Correction.from_json(kept.to_json()) == kept


def test_a_repeated_correction_adds_no_line_and_a_new_one_does(store: MarkStore) -> None:
    store.correct("s", [Correction(TRACK, (5.0, 5.0, 5.0))])
    store.correct("s", [Correction(TRACK, (5.0, 5.0, 5.0))])
    store.correct("s", [Correction(TRACK, (6.0, 5.0, 5.0))])
    assert len((store._folder / "corrections" / "s.jsonl").read_text().splitlines()) == 2
    assert store.corrections("s")[0].center_mm == (6.0, 5.0, 5.0)


def test_parallel_marks_of_different_lesions_are_all_kept(store: MarkStore) -> None:
    lesions = [replace(LESION, id=f"lesion_{n}", label=f"lesion_{n}") for n in range(1, 21)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda lesion: store.mark("s", [lesion]), lesions))
    assert {lesion.id for lesion in store.lesions("s")} == {lesion.id for lesion in lesions}
    assert len({lesion.tracking_uid for lesion in store.lesions("s")}) == 20


def test_studies_with_records_are_listed_by_tag(store: MarkStore) -> None:
    store.mark("a b ü", [LESION])
    store.add_tracks("c", [TRACK])
    assert store.studies("lesions") == {"a b ü"}
    assert store.studies("tracks") == {"c"}


def test_records_of_a_removed_study_no_longer_count_but_stay_on_disk(store: MarkStore) -> None:
    store.mark("s", [LESION])
    store.retire("s")
    assert store.lesions("s") == []
    assert store.studies("lesions") == set()
    assert len(list((store._folder / "lesions").iterdir())) == 1


@pytest.mark.parametrize("study_id", ["", ".", "..", "../x", "a/b", "a\\b", "a\0b", "0" * 250, "\udcff"])
def test_what_is_no_file_name_is_no_study_id(store: MarkStore, study_id: str) -> None:
    with pytest.raises(InputError, match="no study id"):
        store.mark(study_id, [LESION])
    with pytest.raises(InputError, match="no study id"):
        store.tracks(study_id)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "JSON object"),
        ({"schema": 7}, "schema 7"),
        ({"center_mm": [1, 2, 3]}, "a track must be"),
        ({"track": TRACK.to_json(), "center_mm": [1, 2]}, "three"),
        ({"track": TRACK.to_json(), "center_mm": [1, 2, 3], "colour": "red"}, "colour"),
    ],
)
def test_a_correction_that_is_none_is_refused(data: object, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        Correction.from_json(data)
