"""Whether a track still follows from the points before it: told by the points themselves, at whatever clock."""

from dataclasses import replace

import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.readers.cell import Cell, cell_of_track
from lesion_tracker.readers.outdated import outdated
from lesion_tracker.records.track import Track

A, B, C = "ann__20200101", "ann__20200701", "ann__20210101"
STUDIES = (A, B, C)
START, POINT = (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)
PAST, FUTURE = "1990-01-01T00:00:00+00:00", "2090-01-01T00:00:00+00:00"
TRACK = Track(
    "lesion_1", A, C, (7.0, 8.0, 9.0), 5.0, 0.9, "found", (7.0, 8.0, 9.0), "auto", created_at=FUTURE, baseline_mm=START
)


def said(kind: str, study: str, point: tuple[float, float, float] | None, when: str = PAST) -> Cell:
    return replace(cell_of_track(study, TRACK), kind=kind, center_mm=point, when=when, track=None)  # type: ignore[arg-type] # a kind


def why(track: Track, between: Cell | None = None, start: Cell | None = None) -> str:
    cells = {A: start or said("marked", A, START), C: cell_of_track(C, track)}
    return outdated(cells[C], STUDIES, cells | ({B: between} if between else {}))


@pytest.mark.parametrize("when", [PAST, FUTURE])
def test_a_point_that_came_between_since_is_told_whatever_the_clock_said(when: str) -> None:
    nobody, there = replace(TRACK, between={}), replace(TRACK, between={B: POINT})
    moved = f"a reader has moved the point in {B} since"
    assert why(nobody) == ""
    assert why(nobody, said("corrected", B, POINT, when)) == moved
    assert why(there, said("corrected", B, POINT, when)) == ""
    assert why(there, said("marked", B, (4.0, 5.0, 6.5), when)) == moved
    assert why(nobody, said("accepted", B, POINT, when)) == ""
    assert why(nobody, said("closed", B, None, when)) == ""


@pytest.mark.parametrize("when", [PAST, FUTURE])
def test_another_starting_point_is_told_whatever_the_clock_said(when: str) -> None:
    track = replace(TRACK, between={})
    assert why(track, start=said("marked", A, START, when)) == ""
    assert why(track, start=said("marked", A, (1.0, 2.0, 3.5), when)) == f"its starting point in {A} was changed"
    assert why(track, start=said("untracked", A, None, when)) == f"its starting point in {A} is gone"


def test_of_an_earlier_versions_track_nothing_is_taken_for_granted() -> None:
    assert why(replace(TRACK, baseline_mm=None)) == (
        f"an earlier version tracked it and did not keep its starting point in {A}"
    )
    assert why(TRACK) == ""
    assert why(TRACK, said("marked", B, POINT)) == (
        f"an earlier version tracked it and did not keep whether the point in {B} was there"
    )


def test_a_track_backwards_and_one_within_a_study_are_judged_alike() -> None:
    back = replace(TRACK, baseline_study=C, followup_study=A, between={})
    cells = {A: cell_of_track(A, back), B: said("marked", B, POINT), C: said("marked", C, START)}
    assert outdated(cells[A], STUDIES, cells) == f"a reader has moved the point in {B} since"
    within = replace(TRACK, baseline_study=A, followup_study=A)
    own = {A: cell_of_track(A, within)}
    assert outdated(own[A], STUDIES, own) == ""


def test_what_a_track_was_made_from_is_kept_with_it() -> None:
    track = replace(TRACK, between={B: POINT})
    kept = track.to_json()
    assert kept["between"] == {B: [4.0, 5.0, 6.0]}
    assert Track.from_json(kept) == track
    assert Track.from_json({key: one for key, one in kept.items() if key != "between"}).between is None
    with pytest.raises(FileFormatError, match="between"):
        Track.from_json(kept | {"between": {B: [4.0, float("nan"), 6.0]}})
