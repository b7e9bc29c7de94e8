"""Lesion and Track: JSON round trip, and what they refuse."""

import json
import re

import pytest

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.followed import Seen, Traits
from lesion_tracker.records.json_record import triple
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track


def _track(**changes: object) -> Track:
    values: dict[str, object] = {
        "lesion_id": "lesion_1",
        "baseline_study": "a",
        "followup_study": "b",
        "center_mm": (1.0, 2.0, 3.0),
        "expected_radius_mm": 5.0,
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": "0.5"}, r"track of 'lesion_1': confidence: input should be a valid number, got '0\.5'"),
        ({"calibrated": 1}, "calibrated: input should be a valid boolean"),
        ({"label": 5}, "label: input should be a valid string"),
        ({"seconds": {"load": "long"}}, "seconds: load: input should be a valid number"),
        ({"warnings": "odd"}, "warnings: input should be a valid"),
        ({"state": "lost"}, "state must be one of"),
        ({"center_mm": [1, 2, "x"]}, "center_mm: a point needs three numbers"),
        ({"center_mm": [1, 2, "3"]}, "center_mm: a point needs three numbers"),
        ({"center_mm": [1, 2, True]}, "center_mm: a point needs three numbers"),
        ({"volume": 5, "colour": "red"}, "track of 'lesion_1' has the unknown key 'volume', 'colour'"),
    ],
)
def test_a_kept_track_of_the_wrong_kind_is_refused_with_key_and_value(changes: dict[str, object], message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        Track.from_json({**_track().to_json(), **changes})


def test_what_a_record_lacks_is_named() -> None:
    data = _track().to_json()
    del data["method"], data["state"]
    with pytest.raises(FileFormatError, match="track of 'lesion_1' lacks 'state', 'method'"):
        Track.from_json(data)
    with pytest.raises(FileFormatError, match="a track must be a JSON object, got list"):
        Track.from_json([])


def test_traits_survive_json() -> None:
    traits = Traits("non-target", "  left   lung ", node=True)
    assert traits.organ == "left lung"
    assert Traits.from_json(json.loads(json.dumps(traits.to_json()))) == traits


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"role": "main"}, "input should be .., .target. or .non-target., got .main."),
        ({"organ": "x" * 65}, "at most 64 printable"),
        ({"organ": "a\0b"}, "at most 64 printable"),
        ({"node": "no"}, "node"),
        ({"side": "left"}, "side"),
    ],
)
def test_traits_that_are_none_are_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        Traits.from_json(data)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fate": "lost"}, "fate must be one of"),
        ({"long_axis_mm": 0.0}, "a lesion that is gone has none"),
        ({"short_axis_mm": float("nan")}, "short_axis_mm must be above 0"),
        ({"fate": "merged"}, "merged names one other"),
        ({"fate": "split", "others": ("a",)}, "split names several"),
        ({"fate": "split", "others": ("a", "a")}, "split names several"),
        ({"fate": "gone", "others": ("a",)}, "gone names none"),
    ],
)
def test_what_cannot_have_been_seen_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Seen(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [[1.5, -2.0, 3e5], (1.5, 2.0, 3.0), [1, 2.0, 3.0], [1.0, float("nan"), 2.0], [float("inf"), -float("inf"), 1.0],
     [1e308, 1e308, 1.0], [1.0, 2.0], [1.0, 2.0, 3.0, 4.0], [True, 1.0, 2.0], ["1", 2.0, 3.0], None, 1.0, "1.02.03.0"],
)  # fmt: skip
def test_the_fast_way_to_a_point_takes_and_refuses_what_its_definition_does(value: object) -> None:
    try:
        expected = tuple(float(one) for one in point_mm(value))
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            triple(value)
    else:
        assert triple(value) == expected
        assert {type(one) for one in triple(value)} == {float}
