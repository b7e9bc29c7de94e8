"""tracks.json comes back as it was; the CSV says the same in one line a track."""

import csv
import io
import json

import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.files.tracks_file import read_tracks, tracks_csv, tracks_json, write_tracks_csv
from lesion_tracker.records.track import Track

TRACK = Track("lesion_1", "b", "f", (1.0, 2.0, 3.5), 8.0, 0.8, "uncertain", (1.0, 2.0, 0.5), "affine", note="a, b")


def test_tracks_come_back(tmp_path):
    path = tmp_path / "tracks.json"
    write_json(tracks_json([TRACK], {"load": 1.0, "total": 2.0}), path)
    assert read_tracks(path) == [TRACK]
    data = json.loads(path.read_text())
    assert data["schema"] == 1
    assert data["seconds"] == {"load": 1.0, "total": 2.0}


def test_the_csv_has_a_line_a_track(tmp_path):
    path = tmp_path / "tracks.csv"
    write_tracks_csv([TRACK, TRACK], path)
    assert path.read_text() == tracks_csv([TRACK, TRACK])
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(rows) == 2
    first = rows[0]
    assert (first["lesion_id"], first["label"], first["state"], first["note"]) == (
        "lesion_1",
        "lesion_1",
        "uncertain",
        "a, b",
    )
    assert [float(first[key]) for key in ("x_mm", "y_mm", "z_mm", "expected_radius_mm", "moved_mm")] == [
        1,
        2,
        3.5,
        8,
        3,
    ]
    with pytest.raises(FileFormatError, match="cannot be written"):
        write_tracks_csv([TRACK], tmp_path / "none" / "tracks.csv")


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "tracks.json"
    path.write_text('{"tracks": {}}')
    with pytest.raises(FileFormatError, match="must be a list, got dict"):
        read_tracks(path)
    path.write_text('{"lesions": []}')
    with pytest.raises(FileFormatError, match="lacks 'tracks'"):
        read_tracks(path)
