"""What may be given as the lesions of a study: lesions.json, 3D Slicer's markups, or a table of coordinates."""

from collections.abc import Sequence
from pathlib import Path

from lesion_tracker.files.json_file import read_json
from lesion_tracker.files.lesions_file import read_lesions
from lesion_tracker.files.markups_file import marks_from_markups
from lesion_tracker.files.points_csv import read_points_csv
from lesion_tracker.records.lesion import Marked

TABLES = (".csv", ".fcsv", ".tsv", ".txt")
"""Endings of tables; anything else is JSON."""


def read_marks(path: Path) -> Sequence[Marked]:
    """Read the lesions, or points in lesions, of a study.

    Args:
        path: a file; centres become LPS mm.

    Raises:
        FileFormatError: for a missing file, one that holds no marks, a wrong value, or a double id.
    """
    if path.suffix.lower() in TABLES:
        return read_points_csv(path)
    data = read_json(path)
    if isinstance(data, dict) and "markups" in data:
        return marks_from_markups(data, path)
    return read_lesions(path)
