"""The Deep Lesion Tracker's released annotations and predictions (DLS), and where their centres lie in the patient."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, FiniteFloat, TypeAdapter, ValidationError

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json, require_schema, shown
from lesion_tracker.files.json_model import Entries, Entry, checked
from lesion_tracker.paper.dls_names import direction_of, dls_name
from lesion_tracker.scoring.answers import Answer
from lesion_tracker.scoring.looser import looser_hits

DEFAULT_KEY = "predict target center"
PRIOR_KEY = "initial center"
SHIFT_KEY = "shift number"
"""Which shifted click of the robustness protocol an entry answers; absent or 0: the click itself."""
SCHEMA = 1
LARGEST_DIAMETER_MM = 1000.0
"""Nothing in a patient is wider."""


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


class _Results(Entry):
    model_config = ConfigDict(extra="ignore")

    results: Entries


def dls_entries(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the entries of either form of file with their numbers ("0001" and so on).

    Raises:
        FileFormatError: for a missing file, another schema, no entries, or an entry that is no JSON object.
    """
    data = read_json(path)
    if isinstance(data, dict) and "results" not in data:
        require_schema(str(path), data, SCHEMA)
        numbered = [(name, entry) for name, entry in data.items() if name != "schema"]
    else:
        entries = checked(_Results, data, path).results
        numbered = [(f"{number:04d}", entry) for number, entry in enumerate(entries, start=1)]
    if not numbered:
        raise FileFormatError(f"{path} has no entries")
    for name, entry in numbered:
        if not isinstance(entry, dict):
            raise FileFormatError(f"{path}: entry {name!r} must be a JSON object, got {type(entry).__name__}")
    return numbered


_NUMBER = TypeAdapter(FiniteFloat, config=ConfigDict(strict=True))
_NUMBERS = TypeAdapter(list[FiniteFloat], config=ConfigDict(strict=True))


def dls_numbers(where: str, entry: dict[str, Any], key: str, count: int) -> np.ndarray:
    """Return `count` numbers of an entry.

    Raises:
        FileFormatError: if they are missing, or not so many finite numbers.
    """
    if key not in entry:
        raise FileFormatError(f"{where} lacks {key!r}")
    try:
        numbers = _NUMBERS.validate_python(entry[key])
    except ValidationError:
        numbers = []
    if len(numbers) != count:
        raise FileFormatError(f"{where}: {key!r} must be {count} finite numbers, got {shown(entry[key])}")
    return np.array(numbers)


def dls_center(where: str, entry: dict[str, Any], key: str) -> PointMm:
    """Return a centre (column x, row y, slice z) of an entry.

    Raises:
        FileFormatError: if it is missing or not three finite numbers.
    """
    if key not in entry:
        known = ", ".join(repr(k) for k in entry if "center" in k)
        raise FileFormatError(f"{where} lacks {key!r}; the centres it has are {known or 'none'}")
    return dls_numbers(where, entry, key, 3)


def dls_spacing(where: str, entry: dict[str, Any], side: str) -> PointMm:
    """Return the spacing of the "source" or the "target" along columns, rows and slices, mm.

    Raises:
        FileFormatError: if it is missing, or not three finite numbers above 0.
    """
    key = f"{side} spacing"
    spacing_mm = dls_numbers(where, entry, key, 3)
    if not (spacing_mm > 0).all():
        raise FileFormatError(f"{where}: {key!r} must be above 0 mm, got {shown(entry[key])}")
    return spacing_mm


def dls_diameter(where: str, entry: dict[str, Any], side: str, spacing_mm: PointMm) -> float:
    """Return the longest diameter in mm; the file gives diameters in pixels, whatever its README says.

    Raises:
        FileFormatError: if the diameters are missing, not two finite numbers, none is above 0, or one is
            a metre.
    """
    key = f"{side} recist diameter"
    diameters = dls_numbers(where, entry, key, 2)
    if diameters.max() <= 0:
        raise FileFormatError(f"{where}: the longest {key!r} must be above 0 pixels, got {shown(entry[key])}")
    with np.errstate(over="ignore"):
        diameter_mm = float(diameters.max() * spacing_mm[0])
    if not diameter_mm < LARGEST_DIAMETER_MM:
        raise FileFormatError(
            f"{where}: {key!r} {shown(entry[key])} pixels of '{side} spacing' {shown(entry[f'{side} spacing'])} mm are "
            f"{diameter_mm:.3g} mm: no lesion is that large"
        )
    return diameter_mm


def shift_of(where: str, entry: dict[str, Any]) -> int:
    """Return which shifted click of the robustness protocol an entry answers; 0: the click itself.

    Raises:
        FileFormatError: if it is no whole number.
    """
    value = _number(where, entry, SHIFT_KEY) or 0.0
    if value != int(value):
        raise FileFormatError(f"{where}: {SHIFT_KEY!r} must be a whole number, got {shown(entry[SHIFT_KEY])}")
    return int(value)


def _answer(where: str, name: str, entry: dict[str, Any], key: str) -> Answer:
    truth, answer = dls_center(where, entry, "target center"), dls_center(where, entry, key)
    spacing_mm = dls_spacing(where, entry, "target")
    diameter_mm = dls_diameter(where, entry, "target", spacing_mm)
    box = None if entry.get("target box") is None else dls_numbers(where, entry, "target box", 6)
    prior = dls_center(where, entry, PRIOR_KEY) if PRIOR_KEY in entry else None
    source, target = (dls_name(str(entry.get(side, ""))) for side in ("source", "target"))
    known = {
        "confidence": _number(where, entry, "predict confidence") if key == DEFAULT_KEY else None,
        "seconds": _number(where, entry, "processing time") if key == DEFAULT_KEY else None,
    }
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # Answer refuses what comes of it
            return Answer(
                id=name,
                difference_mm=lps_from_dls(answer - truth, spacing_mm),
                radius_mm=diameter_mm / 2,
                patient=target.patient if target else "",
                slice_mm=float(spacing_mm[2]),
                direction=direction_of(source, target),
                prior_mm=None if prior is None else float(np.linalg.norm((prior - truth) * spacing_mm)),
                shift=shift_of(where, entry),
                looser=None if box is None else looser_hits(answer, truth, spacing_mm, box),
                **known,
            )
    except ValueError as error:
        raise FileFormatError(
            f"{where}: {key!r} is {shown(entry[key])}, 'target center' {shown(entry['target center'])}: {error}"
        ) from None


def _number(where: str, entry: dict[str, Any], key: str) -> float | None:
    """Return an optional number; below 0 is the released files' way to say that there is none."""
    if entry.get(key) is None:
        return None
    try:
        value = _NUMBER.validate_python(entry[key])
    except ValidationError:
        raise FileFormatError(f"{where}: {key!r} must be a finite number, got {shown(entry[key])}") from None
    return value if value >= 0 else None
