"""Slicer's markups JSON holds one control point a track, in LPS mm."""

import json

from lesion_tracker.records.track import Track
from lesion_tracker.report.markups import markups_from_tracks


def track(**changes) -> Track:
    values = {
        "lesion_id": "lesion_1",
        "baseline_study": "b",
        "followup_study": "f",
        "center_mm": (-12.25, 40.5, -233.0),
        "expected_radius_mm": 8.0,
        "confidence": 0.83,
        "state": "found",
        "expected_mm": (-12.25, 40.5, -230.0),
        "method": "affine",
    }
    return Track(**{**values, **changes})


def test_the_envelope_is_slicers():
    data = json.loads(json.dumps(markups_from_tracks([track()])))
    assert data["@schema"].endswith("markups-schema-v1.0.3.json#")
    (markup,) = data["markups"]
    assert (markup["type"], markup["coordinateSystem"], markup["coordinateUnits"]) == ("Fiducial", "LPS", "mm")
    (point,) = markup["controlPoints"]
    assert point["position"] == [-12.25, 40.5, -233.0]
    assert (point["label"], point["positionStatus"], point["visibility"]) == ("lesion_1", "defined", True)
    assert point["description"] == "found, confidence 0.83 (uncalibrated), affine, moved 3.0 mm from the expected point"


def test_one_point_a_lesion_in_their_order():
    tracks = [track(lesion_id="lesion_2", label="apex"), track(state="outside", note="10 mm above the last slice")]
    points = markups_from_tracks(tracks, "follow-up")["markups"][0]["controlPoints"]
    assert [point["label"] for point in points] == ["apex", "lesion_1"]
    assert [point["id"] for point in points] == ["1", "2"]
    assert points[1]["description"].startswith("outside")
    assert points[1]["description"].endswith("; 10 mm above the last slice")


def test_no_tracks_give_an_empty_list():
    assert markups_from_tracks([])["markups"][0]["controlPoints"] == []
