"""pairs.json: pairs of studies with lesions marked in both, the truth of `evaluate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json, require_keys, require_list, require_schema
from lesion_tracker.files.lesions_file import require_unique_ids
from lesion_tracker.records.track import SCHEMA, Lesion


@dataclass(frozen=True)
class LesionTruth:
    """A lesion marked in both studies of a pair.

    Args:
        lesion: as marked in the baseline.
        followup_mm: its true centre in the follow-up, LPS mm.
        score_radius_mm: the follow-up's radius where the file gives it, else the baseline's, mm.
    """

    lesion: Lesion
    followup_mm: tuple[float, float, float]
    score_radius_mm: float


@dataclass(frozen=True)
class PairEntry:
    """One pair of a pairs file.

    Args:
        baseline: file or DICOM folder; a relative path of the file is taken from the file's own folder.
        followup: the same.
        lesions: at least one.
    """

    baseline: Path
    followup: Path
    lesions: tuple[LesionTruth, ...]
    patient: str = ""
    note: str = ""


def read_pairs(path: Path) -> list[PairEntry]:
    """Read a pairs file.

    Raises:
        FileFormatError: for a missing file, an empty list, wrong keys or values; names the number of pair and lesion.
    """
    data = require_keys(str(path), read_json(path), {"pairs"}, {"schema", "note"})
    require_schema(str(path), data, SCHEMA)
    entries = require_list(f"'pairs' of {path}", data["pairs"])
    return [_pair(path, f"{path}: pair {number}", entry) for number, entry in enumerate(entries, start=1)]


def lesion_keys(pairs: Sequence[PairEntry]) -> list[list[str]]:
    """Name each lesion for scores.json: its id, or "<pair number>/<id>" where the ids alone are not unique."""
    ids = [lesion.lesion.id for pair in pairs for lesion in pair.lesions]
    unique = len(set(ids)) == len(ids)
    return [
        [lesion.lesion.id if unique else f"{number}/{lesion.lesion.id}" for lesion in pair.lesions]
        for number, pair in enumerate(pairs, start=1)
    ]


def _pair(path: Path, where: str, entry: object) -> PairEntry:
    values = require_keys(where, entry, {"baseline", "followup", "lesions"}, {"patient", "note"})
    for key in ("baseline", "followup"):
        if not isinstance(values[key], str) or not values[key]:
            raise FileFormatError(f"{where}: {key!r} must be a path, got {values[key]!r}")
    entries = require_list(f"{where}: 'lesions'", values["lesions"])
    lesions = tuple(_lesion(f"{where}, lesion {number}", lesion) for number, lesion in enumerate(entries, start=1))
    require_unique_ids(where, [lesion.lesion.id for lesion in lesions])
    return PairEntry(
        baseline=path.parent / values["baseline"],
        followup=path.parent / values["followup"],
        lesions=lesions,
        patient=str(values.get("patient", "")),
        note=str(values.get("note", "")),
    )


def _lesion(where: str, entry: object) -> LesionTruth:
    required = {"id", "baseline_mm", "followup_mm", "radius_mm"}
    values = require_keys(where, entry, required, {"followup_radius_mm", "note"})
    try:
        lesion = Lesion.from_json(
            {"id": values["id"], "center_mm": values["baseline_mm"], "radius_mm": values["radius_mm"]}
        )
    except FileFormatError as error:
        raise FileFormatError(f"{where}: {str(error).replace('center_mm', 'baseline_mm')}") from None
    return LesionTruth(lesion, _point(where, values), _radius(where, values, lesion.radius_mm))


def _point(where: str, values: dict[str, Any]) -> tuple[float, float, float]:
    try:
        x, y, z = (float(v) for v in point_mm(values["followup_mm"]))
    except ValueError as error:
        raise FileFormatError(f"{where}: 'followup_mm': {error}") from None
    return x, y, z


def _radius(where: str, values: dict[str, Any], baseline_radius_mm: float) -> float:
    radius_mm = values.get("followup_radius_mm", baseline_radius_mm)
    if isinstance(radius_mm, bool) or not isinstance(radius_mm, int | float) or not 0.5 <= radius_mm <= 200:
        raise FileFormatError(f"{where}: 'followup_radius_mm' must be between 0.5 and 200 mm, got {radius_mm!r}")
    return float(radius_mm)
