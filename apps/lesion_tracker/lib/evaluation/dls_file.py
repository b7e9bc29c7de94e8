"""The Deep Lesion Tracker's released annotations and predictions (DLS), and where their centres lie in the patient."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import PointMm, point_mm
from lib.errors import FileFormatError
from lib.evaluation.json_file import read_json, require_list

DEFAULT_KEY = "predict target center"


@dataclass(frozen=True, eq=False)
class DlsPrediction:
    """One directed pair of the benchmark.

    Args:
        id: its number in the file, "0001" …
        difference_mm: answer minus truth along the columns, rows and slices, mm.
        radius_mm: half of the longest RECIST diameter (which the file gives in pixels), mm.
        inside_box: whether the answer lies in the target's box, a looser score that later papers use.
        seconds: the file's own "processing time", or None.
    """

    id: str
    difference_mm: PointMm
    radius_mm: float
    inside_box: bool
    seconds: float | None


def lps_from_dls(center: PointMm, spacing_mm: PointMm) -> PointMm:
    """Take a DLS centre to LPS mm of the volume that DeepLesion's own converter writes.

    That converter stores (row, column, slice) with the RAS affine [[0, −s, 0], [−s, 0, 0], [0, 0, −s_z]], so that the
    DLS centre (x, y, z) is the NIfTI index (y, x, z).

    Args:
        center: 0-based (column x, row y, slice z) of the sub-volume, continuous.
        spacing_mm: along (x, y, z), mm.
    """
    return np.asarray(center * spacing_mm * np.array([1.0, 1.0, -1.0]))


def read_dls(path: Path, key: str = DEFAULT_KEY) -> list[DlsPrediction]:
    """Read the answers of one of the benchmark's files.

    Args:
        path: either form of file: {"0001": {…}, …} or {"results": [{…}, …]}.
        key: which centre to take as the answer: "predict target center", "initial center", or "source center" for
            the row of those who copy the voxel index.

    Raises:
        FileFormatError: for a missing file, no entries, or an entry without the keys or numbers (with its number).
    """
    data = read_json(path)
    if not isinstance(data, dict):
        raise FileFormatError(f"{path} must be a JSON object, got {type(data).__name__}")
    if "results" in data:
        entries = require_list(f"'results' of {path}", data["results"])
        numbered = [(f"{number:04d}", entry) for number, entry in enumerate(entries, start=1)]
    else:
        numbered = list(data.items())
    if not numbered:
        raise FileFormatError(f"{path} has no entries")
    return [_prediction(path, name, entry, key) for name, entry in numbered]


def _prediction(path: Path, name: str, entry: object, key: str) -> DlsPrediction:
    where = f"{path}: entry {name!r}"
    if not isinstance(entry, dict):
        raise FileFormatError(f"{where} must be a JSON object, got {type(entry).__name__}")
    center, answer = _triple(where, entry, "target center"), _triple(where, entry, key)
    spacing_mm = _triple(where, entry, "target spacing")
    diameters = _numbers(where, entry, "target recist diameter", 2)
    box = _numbers(where, entry, "target box", 6)
    seconds = entry.get("processing time")
    return DlsPrediction(
        id=name,
        difference_mm=(answer - center) * spacing_mm,
        radius_mm=float(diameters.max() / 2 * spacing_mm[0]),
        inside_box=bool(((answer >= box[:3]) & (answer <= box[:3] + box[3:])).all()),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
    )


def _triple(where: str, entry: dict[str, Any], key: str) -> PointMm:
    _require(where, entry, key)
    try:
        return point_mm(entry[key])
    except ValueError:
        raise FileFormatError(f"{where}: {key!r} must be three finite numbers, got {entry[key]!r}") from None


def _numbers(where: str, entry: dict[str, Any], key: str, count: int) -> np.ndarray:
    _require(where, entry, key)
    try:
        values = np.asarray(entry[key], dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise FileFormatError(f"{where}: {key!r} must be {count} finite numbers, got {entry[key]!r}")
    return values


def _require(where: str, entry: dict[str, Any], key: str) -> None:
    if key not in entry:
        known = ", ".join(repr(k) for k in entry if "center" in k)
        raise FileFormatError(f"{where} lacks {key!r}; the centres it has are {known or 'none'}")
