"""Tracks as files: tracks.json for programs, a CSV for a spreadsheet."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_model import Entry, read_model
from lesion_tracker.files.whole import refusals_of, write_text
from lesion_tracker.records.json_record import SCHEMA
from lesion_tracker.records.track import Track

COLUMNS = (
    "lesion_id",
    "label",
    "state",
    "confidence",
    "calibrated",
    "x_mm",
    "y_mm",
    "z_mm",
    "radius_mm",
    "expected_x_mm",
    "expected_y_mm",
    "expected_z_mm",
    "moved_mm",
    "method",
    "baseline_study",
    "followup_study",
    "note",
)
"""Positions are LPS mm of the follow-up."""


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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for track in tracks:
        writer.writerow(track_row(track))
    return text.getvalue()


def write_tracks_csv(tracks: Sequence[Track], path: Path) -> None:
    """Write the CSV at once.

    Raises:
        FileFormatError: if the folder does not exist or cannot be written to.
    """
    with refusals_of(path):
        write_text(tracks_csv(tracks), path)


def track_row(track: Track) -> list[str | float | bool]:
    """Return a track as the cells of `COLUMNS`."""
    return [
        track.lesion_id,
        track.label or track.lesion_id,
        track.state,
        round(track.confidence, 4),
        track.calibrated,
        *(round(v, 3) for v in track.center_mm),
        round(track.radius_mm, 3),
        *(round(v, 3) for v in track.expected_mm),
        round(track.moved_mm, 3),
        track.method,
        track.baseline_study,
        track.followup_study,
        track.note,
    ]
