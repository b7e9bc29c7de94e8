"""Lesion and Track: JSON round trip, and what they refuse."""

import json

import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track


def _track(**changes: object) -> Track:
    values: dict[str, object] = {
        "lesion_id": "lesion_1",
        "baseline_study": "a",
        "followup_study": "b",
        "center_mm": (1.0, 2.0, 3.0),
        "radius_mm": 5.0,
        "confidence": 0.5,
        "state": "found",
        "expected_mm": (1.0, 2.0, 0.0),
        "method": "affine",
    }
    return Track(**{**values, **changes})  # type: ignore[arg-type]


def test_a_lesion_survives_json() -> None:
    lesion = Lesion(id="lesion_1", center_mm=(1.5, -2.0, 3.0), radius_mm=8, patient_id="P", tracking_uid="1.2.3")
    assert Lesion.from_json(json.loads(json.dumps(lesion.to_json()))) == lesion


def test_a_track_survives_json_and_says_how_far_it_moved() -> None:
    track = _track(warnings=("odd",), seconds={"total": 1.0})
    again = Track.from_json(json.loads(json.dumps(track.to_json())))
    assert again == track
    assert again.moved_mm == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"center_mm": [1, 2]}, "three"),
        ({"center_mm": [1, 2, float("nan")]}, "finite"),
        ({"radius_mm": 0}, "between 0.5 and 200"),
        ({"radius_mm": "8"}, "radius_mm"),
        ({"id": " "}, "needs an id"),
        ({"colour": "red"}, "colour"),
        ({"schema": 2}, "schema 2"),
    ],
)
def test_a_lesion_that_is_nonsense_is_refused_with_the_value(changes: dict[str, object], message: str) -> None:
    data = {"id": "lesion_1", "center_mm": [1, 2, 3], "radius_mm": 8.0, **changes}
    with pytest.raises(FileFormatError, match=message):
        Lesion.from_json(data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"confidence": 1.2}, "1.2"), ({"state": "lost"}, "lost"), ({"expected_mm": (0.0, float("inf"), 0.0)}, "finite")],
)
def test_a_track_that_is_nonsense_is_refused_with_the_value(changes: dict[str, object], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):  # the array check of the tests raises TypeError
        _track(**changes)
