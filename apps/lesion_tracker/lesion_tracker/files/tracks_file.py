"""Tracks as files: tracks.json for programs, a CSV for a spreadsheet."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.csv_text import csv_text
from lesion_tracker.files.json_model import Entry, read_model
from lesion_tracker.files.whole import refusals_of, write_text
from lesion_tracker.records.json_record import SCHEMA
from lesion_tracker.records.quantity import QUANTITIES
from lesion_tracker.records.track import Track

Cell = str | float | bool

COLUMNS: dict[str, Callable[[Track], Cell]] = {
    "lesion_id": lambda track: track.lesion_id,
    "label": lambda track: track.label or track.lesion_id,
    "state": lambda track: track.state,
    "confidence": lambda track: round(track.confidence, 4),
    "calibrated": lambda track: track.calibrated,
    "x_mm": lambda track: round(track.center_mm[0], 3),
    "y_mm": lambda track: round(track.center_mm[1], 3),
    "z_mm": lambda track: round(track.center_mm[2], 3),
    "radius_mm": lambda track: "",  # nobody measured it; expected_radius_mm is registration's
    "expected_x_mm": lambda track: round(track.expected_mm[0], 3),
    "expected_y_mm": lambda track: round(track.expected_mm[1], 3),
    "expected_z_mm": lambda track: round(track.expected_mm[2], 3),
    "moved_mm": QUANTITIES["moved_mm"].cell,
    "method": lambda track: track.method,
    "baseline_study": lambda track: track.baseline_study,
    "followup_study": lambda track: track.followup_study,
    "note": lambda track: track.note,
}
"""Name and content of each column; positions are LPS mm of the follow-up. Quantities without a place here come last."""

COLUMNS |= {name: quantity.cell for name, quantity in QUANTITIES.items() if name not in COLUMNS}
COLUMNS["check_size"] = lambda track: track.check_size


def tracks_json(tracks: Sequence[Track], seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return the content of tracks.json: the tracks and the seconds of the whole pair by stage."""
    return {"schema": SCHEMA, "tracks": [track.to_json() for track in tracks], "seconds": dict(seconds)}


class _TracksFile(Entry):
    tracks: list[Any]
    seconds: Any = None


def read_tracks(path: Path) -> list[Track]:
    """Read a tracks.json.

    Raises:
        FileFormatError: for a missing file, or one that does not hold tracks; with the track's number.
    """
    tracks = []
    for number, entry in enumerate(read_model(path, _TracksFile).tracks, start=1):
        try:
            tracks.append(Track.from_json(entry))
        except FileFormatError as error:
            raise FileFormatError(f"{path}: track {number}: {error}") from None
    return tracks


def tracks_csv(tracks: Sequence[Track]) -> str:
    """Return one line a track under a line of column names; positions are LPS mm."""
    return csv_text(COLUMNS, map(track_row, tracks))


def write_tracks_csv(tracks: Sequence[Track], path: Path) -> None:
    """Write the CSV at once.

    Raises:
        FileFormatError: if the folder does not exist or cannot be written to.
    """
    with refusals_of(path):
        write_text(tracks_csv(tracks), path)


def track_row(track: Track) -> list[Cell]:
    """Return a track as the cells of `COLUMNS`."""
    return [content(track) for content in COLUMNS.values()]
