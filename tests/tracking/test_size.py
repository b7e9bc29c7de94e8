"""A track's axes: measured where it ends, with the earlier outline's help, and never where there is no point."""

import numpy as np
import pytest

from lesion_tracker.records.correction import Correction
from lesion_tracker.records.derived import accepted, answered_track, expected_track
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.quantity import QUANTITIES, quantities_in_words
from lesion_tracker.records.track import Track
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.size import with_size
from tests.measurement.bodies import ellipsoid

BEFORE, MIDDLE = ellipsoid((6.0, 6.0, 6.0))
AFTER, _ = ellipsoid((9.0, 7.0, 7.0))


def _case() -> tuple[Case, Track]:
    lesion = Lesion("lesion_1", tuple(float(v) for v in MIDDLE), 6.0)
    still = FollowupFromBaseline("affine", np.eye(4))
    case = Case(Pair(BEFORE, AFTER, "a", "b"), still, lesion, MIDDLE, 6.0)
    return case, expected_track(lesion, "a", "b", lesion.center_mm, 6.0, "affine")


def test_both_axes_and_the_change_since_the_earlier_study() -> None:
    found = with_size(*_case())
    assert (found.long_axis_mm, found.short_axis_mm) == (pytest.approx(18.0, abs=1.2), pytest.approx(14.0, abs=1.2))
    assert found.long_axis_change_mm == pytest.approx(6.0, abs=1.5)
    assert np.linalg.norm(np.subtract(*found.long_ends_mm)) == pytest.approx(found.long_axis_mm, abs=0.01)
    assert "since the earlier study" in quantities_in_words(found)
    assert QUANTITIES["long_axis_change_mm"].cell(found) == pytest.approx(found.long_axis_change_mm, abs=1e-3)
    assert Track.from_json(found.to_json()) == found
    assert found.seconds["measurement"] > 0


def test_an_older_track_has_no_size_and_stays_readable() -> None:
    _, plain = _case()
    old = {
        key: value
        for key, value in plain.to_json().items()
        if key not in ("long_axis_mm", "check_size", "long_ends_mm")
    }
    assert Track.from_json(old) == plain
    assert plain.long_axis_change_mm is None
    assert "axis" not in quantities_in_words(plain)


def test_nothing_is_measured_where_there_is_no_point() -> None:
    case, plain = _case()
    outside = plain.with_changes(state="outside")
    assert with_size(case, outside) is outside


def test_a_point_that_a_reader_moved_loses_what_was_measured_at_another() -> None:
    found = with_size(*_case())
    assert answered_track(found, accepted(found, "dr b")).long_axis_mm == found.long_axis_mm
    moved = answered_track(found, Correction(found, (1.0, 2.0, 3.0), "dr b"))
    assert (moved.long_axis_mm, moved.long_ends_mm, moved.check_size) == (None, None, "")
