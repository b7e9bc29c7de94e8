"""What marks, tracks and answers hand on to each other, and what they leave behind."""

from lesion_tracker.records.correction import Correction
from lesion_tracker.records.derived import (
    accepted,
    answered_lesion,
    answered_mark,
    answered_track,
    expected_track,
    followed,
    passed_on,
    shown_mark,
)
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.quantity import QUANTITIES, quantities_in_words

MARK = Lesion("lesion_1", (1.0, 2.0, 3.0), 5.0, label="node", tracking_uid="2.25.1", study_id="first", marked_by="dr a")
TRACK = expected_track(MARK, "first", "second", (4.0, 2.0, 3.0), 6.0, "affine").with_changes(center_mm=(4.0, 6.0, 3.0))
ANSWER = Correction(TRACK, (5.0, 5.0, 5.0), "dr b", "2021-01-01")


def test_a_track_begins_where_its_lesion_is_expected_without_confidence() -> None:
    track = expected_track(MARK, "first", "second", (4.0, 2.0, 3.0), 6.0, "affine", note="so far")
    assert (track.center_mm, track.expected_mm, track.moved_mm) == ((4.0, 2.0, 3.0), (4.0, 2.0, 3.0), 0.0)
    assert (track.state, track.confidence, track.expected_radius_mm, track.note) == ("uncertain", 0.0, 6.0, "so far")
    assert (track.lesion_id, track.label, track.tracking_uid) == ("lesion_1", "node", "2.25.1")


def test_a_mark_is_shown_as_its_own_track() -> None:
    track = shown_mark(MARK)
    assert (track.baseline_study, track.followup_study, track.state) == ("first", "first", "found")
    assert (track.center_mm, track.confidence, track.method) == (MARK.center_mm, 1.0, "marked by a reader")


def test_a_point_is_passed_on_only_inside_of_the_other_series() -> None:
    there, beyond = (passed_on(MARK, "first", "thin", inside) for inside in (True, False))
    assert (there.state, there.center_mm, there.followup_study) == ("found", MARK.center_mm, "thin")
    assert (beyond.state, beyond.has_point) == ("outside", False)


def test_a_lesion_is_followed_from_where_its_track_ends() -> None:
    lesion = followed(MARK, TRACK)
    assert (lesion.center_mm, lesion.radius_mm) == (TRACK.center_mm, 6.0)
    assert (lesion.id, lesion.label, lesion.tracking_uid) == ("lesion_1", "node", "2.25.1")


def test_what_a_reader_answers_is_a_lesion_of_the_follow_up() -> None:
    lesion = answered_lesion(ANSWER, "second")
    assert (lesion.center_mm, lesion.radius_mm, lesion.radius_source) == ((5.0, 5.0, 5.0), 6.0, "expected")
    assert (lesion.study_id, lesion.marked_by, lesion.marked_at) == ("second", "dr b", "2021-01-01")
    moved = answered_mark(MARK, ANSWER)
    assert (moved.center_mm, moved.marked_by, moved.radius_mm) == ((5.0, 5.0, 5.0), "dr b", 5.0)


def test_an_answered_track_is_found_at_the_readers_point() -> None:
    track = answered_track(TRACK, ANSWER)
    assert (track.center_mm, track.state, track.confidence) == ((5.0, 5.0, 5.0), "found", 1.0)
    assert track.note == "corrected by a reader"
    assert answered_track(TRACK, accepted(TRACK, "dr b")).note == "accepted by a reader"
    assert accepted(TRACK, "dr b").center_mm == TRACK.center_mm


def test_quantities_are_numbers_of_the_track_in_words() -> None:
    assert quantities_in_words(TRACK) == "4.0 mm from where registration expects it; expected radius 6.0 mm"
    assert quantities_in_words(TRACK, "moved_mm") == "expected radius 6.0 mm"
    judged = TRACK.with_changes(presence=0.9, placement=0.998)
    assert quantities_in_words(judged, "moved_mm", "expected_radius_mm") == "is there: 90%; if it is, here: 99%"
    assert QUANTITIES["placement"].cell(judged) == 0.998
    cells = {name: quantity.cell(TRACK) for name, quantity in QUANTITIES.items()}
    assert {name: cell for name, cell in cells.items() if cell != ""} == {"moved_mm": 4.0, "expected_radius_mm": 6.0}
