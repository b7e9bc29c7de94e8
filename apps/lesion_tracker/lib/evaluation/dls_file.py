"""The Deep Lesion Tracker's released annotations and predictions (DLS), and where their centres lie in the patient."""

from pathlib import Path
from typing import Any

import numpy as np

from lib.arrays import PointMm, point_mm
from lib.errors import FileFormatError
from lib.evaluation.answers import Answer
from lib.evaluation.dls_names import direction_of, dls_name
from lib.evaluation.json_file import read_json, require_list
from lib.metrics.looser import looser_hits

DEFAULT_KEY = "predict target center"
PRIOR_KEY = "initial center"
SHIFT_KEY = "shift number"
"""Which shifted click of the robustness protocol an entry answers; absent or 0: the click itself."""
SCHEMA = 1


def lps_from_dls(center: PointMm, spacing_mm: PointMm) -> PointMm:
    """Take a DLS centre to LPS mm of the volume that DeepLesion's own converter writes.

    That converter stores (row, column, slice) with the RAS affine [[0, −s, 0], [−s, 0, 0], [0, 0, −s_z]], so that the
    DLS centre (x, y, z) is the NIfTI index (y, x, z).

    Args:
        center: 0-based (column x, row y, slice z) of the sub-volume, continuous.
        spacing_mm: along (x, y, z), mm.
    """
    return np.asarray(center * spacing_mm * np.array([1.0, 1.0, -1.0]))


def dls_from_lps(point: PointMm, spacing_mm: PointMm) -> PointMm:
    """Undo `lps_from_dls`: LPS mm to a DLS centre (column, row, slice)."""
    return np.asarray(point / spacing_mm * np.array([1.0, 1.0, -1.0]))


def read_dls(path: Path, key: str = DEFAULT_KEY) -> list[Answer]:
    """Read the answers of one of the benchmark's files.

    Args:
        path: either form of file: {"0001": {…}, …} or {"results": [{…}, …]}.
        key: which centre to take as the answer: "predict target center", "initial center", or "source center" for
            the row of those who copy the voxel index.

    Raises:
        FileFormatError: for a missing file, no entries, or an entry without the keys or numbers (with its number).
    """
    return [_answer(f"{path}: entry {name!r}", name, entry, key) for name, entry in dls_entries(path)]


def dls_entries(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the entries of either form of file with their numbers ("0001" and so on).

    Raises:
        FileFormatError: for a missing file, another schema, no entries, or an entry that is no JSON object.
    """
    data = read_json(path)
    if not isinstance(data, dict):
        raise FileFormatError(f"{path} must be a JSON object, got {type(data).__name__}")
    if data.get("schema", SCHEMA) != SCHEMA:
        raise FileFormatError(f"{path} has the unknown schema {data['schema']!r}; this version reads {SCHEMA}")
    if "results" in data:
        entries = require_list(f"'results' of {path}", data["results"])
        numbered = [(f"{number:04d}", entry) for number, entry in enumerate(entries, start=1)]
    else:
        numbered = [(name, entry) for name, entry in data.items() if name != "schema"]
    if not numbered:
        raise FileFormatError(f"{path} has no entries")
    for name, entry in numbered:
        if not isinstance(entry, dict):
            raise FileFormatError(f"{path}: entry {name!r} must be a JSON object, got {type(entry).__name__}")
    return numbered


def _answer(where: str, name: str, entry: dict[str, Any], key: str) -> Answer:
    truth, answer = _triple(where, entry, "target center"), _triple(where, entry, key)
    spacing_mm = _spacing(where, entry)
    radius_mm = _radius(where, entry, spacing_mm)
    box = _numbers(where, entry, "target box", 6)
    prior = _triple(where, entry, PRIOR_KEY) if PRIOR_KEY in entry else None
    source, target = (dls_name(str(entry.get(side, ""))) for side in ("source", "target"))
    return Answer(
        id=name,
        difference_mm=(answer - truth) * spacing_mm,
        radius_mm=radius_mm,
        patient=target.patient if target else "",
        slice_mm=float(spacing_mm[2]),
        direction=direction_of(source, target),
        prior_mm=None if prior is None else float(np.linalg.norm((prior - truth) * spacing_mm)),
        confidence=_number(where, entry, "predict confidence") if key == DEFAULT_KEY else None,
        seconds=_number(where, entry, "processing time") if key == DEFAULT_KEY else None,
        shift=int(_number(where, entry, SHIFT_KEY) or 0),
        looser=looser_hits(answer, truth, spacing_mm, box),
    )


def _spacing(where: str, entry: dict[str, Any]) -> PointMm:
    spacing_mm = _triple(where, entry, "target spacing")
    if not (spacing_mm > 0).all():
        raise FileFormatError(f"{where}: 'target spacing' must be above 0 mm, got {entry['target spacing']!r}")
    return spacing_mm


def _radius(where: str, entry: dict[str, Any], spacing_mm: PointMm) -> float:
    """Return half of the longest diameter in mm; the file gives diameters in pixels, whatever its README says."""
    diameters = _numbers(where, entry, "target recist diameter", 2)
    if diameters.max() <= 0:
        raise FileFormatError(
            f"{where}: the longest 'target recist diameter' must be above 0 pixels, got {entry['target recist diameter']!r}"
        )
    return float(diameters.max() / 2 * spacing_mm[0])


def _number(where: str, entry: dict[str, Any], key: str) -> float | None:
    """Return an optional number; below 0 is the released files' way to say that there is none."""
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise FileFormatError(f"{where}: {key!r} must be a finite number, got {value!r}")
    return float(value) if value >= 0 else None


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
