"""Tracks as the markups JSON that 3D Slicer loads: one fiducial list, one control point a lesion, LPS mm."""

from collections.abc import Sequence
from typing import Any

from lesion_tracker.records.quantity import quantities_in_words
from lesion_tracker.records.track import Track

SLICER_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)


def markups_from_tracks(tracks: Sequence[Track], name: str = "tracks") -> dict[str, Any]:
    """Return Slicer's markups JSON.

    A lesion whose state has no point is listed where registration expects it; its description says so.

    Args:
        tracks: one control point each, in this order.
        name: of the fiducial list in Slicer.
    """
    return {
        "@schema": SLICER_SCHEMA,
        "markups": [
            {
                "type": "Fiducial",
                "name": name,
                "coordinateSystem": "LPS",
                "coordinateUnits": "mm",
                "locked": False,
                "display": {"visibility": True, "opacity": 1.0},
                "controlPoints": [_control_point(number, track) for number, track in enumerate(tracks, start=1)],
            }
        ],
    }


def describe(track: Track) -> str:
    """Return one line for the reader: state, confidence, method, how far it lies from the expected point."""
    confidence = f"confidence {track.confidence:.2f}" + ("" if track.calibrated else " (uncalibrated)")
    parts = [track.state, confidence, track.method, f"moved {track.moved_mm:.1f} mm from the expected point"]
    check = f"check the size: {track.check_size}" if track.check_size else ""
    more = [quantities_in_words(track, "moved_mm", "expected_radius_mm"), check, track.note]
    return "; ".join([", ".join(parts), *filter(None, more)])


def _control_point(number: int, track: Track) -> dict[str, Any]:
    return {
        "id": str(number),
        "label": track.label or track.lesion_id,
        "description": describe(track),
        "associatedNodeID": "",
        "position": list(track.center_mm),
        "selected": True,
        "locked": False,
        "visibility": True,
        "positionStatus": "defined",
    }
