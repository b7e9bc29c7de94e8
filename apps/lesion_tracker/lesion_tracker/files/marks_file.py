"""What may be given as the lesions of a study: lesions.json, 3D Slicer's markups, or a table of coordinates."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.files.json_file import read_json
from lesion_tracker.files.lesions_file import read_lesions, require_unique_ids
from lesion_tracker.files.markups_file import marks_from_markups
from lesion_tracker.files.points_csv import read_points_csv
from lesion_tracker.records.lesion import Marked
from lesion_tracker.records.names import clean_name, clean_uid

TABLES = (".csv", ".fcsv", ".tsv", ".txt")
"""Endings of tables; anything else is JSON."""


def read_marks(path: Path) -> Sequence[Marked]:
    """Read the lesions, or points in lesions, of a study.

    Args:
        path: a file; centres become LPS mm, names as they are kept everywhere (`clean_name`).

    Raises:
        FileFormatError: for a missing file, one that holds no marks, a wrong value, or a double id.
    """
    marks = [_named(f"{path}: lesion {number}", mark) for number, mark in enumerate(_read(path), start=1)]
    require_unique_ids(str(path), [mark.id for mark in marks])
    return marks


def _read(path: Path) -> Sequence[Marked]:
    if path.suffix.lower() in TABLES:
        return read_points_csv(path)
    data = read_json(path)
    if isinstance(data, dict) and "markups" in data:
        return marks_from_markups(data, path)
    return read_lesions(path)


def _named(where: str, mark: Marked) -> Marked:
    try:
        uid = clean_uid(mark.tracking_uid)
        return replace(mark, id=clean_name(mark.id), label=clean_name(mark.label), tracking_uid=uid)
    except InputError as error:
        raise FileFormatError(f"{where}: {error}") from None
