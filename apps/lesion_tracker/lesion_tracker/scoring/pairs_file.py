"""pairs.json: pairs of studies with lesions marked in both, the truth of `evaluate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, FiniteFloat

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_model import Entries, Entry, Number, Triple, checked, read_model
from lesion_tracker.files.lesions_file import require_unique_ids
from lesion_tracker.records.lesion import Lesion


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


class _TruthEntry(Entry):
    id: str = Field(description="a text")
    baseline_mm: Triple
    followup_mm: Triple
    radius_mm: Number
    followup_radius_mm: FiniteFloat | None = Field(None, ge=0.5, le=200, description="between 0.5 and 200 mm")
    note: Any = ""


class _PairEntry(Entry):
    baseline: str = Field(min_length=1, description="a path")
    followup: str = Field(min_length=1, description="a path")
    lesions: Entries
    patient: Any = ""
    note: Any = ""


class _PairsFile(Entry):
    pairs: Entries
    note: Any = ""


def read_pairs(path: Path) -> list[PairEntry]:
    """Read a pairs file.

    Raises:
        FileFormatError: for a missing file, an empty list, wrong keys or values; names the number of pair and lesion.
    """
    entries = read_model(path, _PairsFile).pairs
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
    values = checked(_PairEntry, entry, where)
    lesions = tuple(_truth(f"{where}, lesion {number}", row) for number, row in enumerate(values.lesions, start=1))
    require_unique_ids(where, [lesion.lesion.id for lesion in lesions])
    return PairEntry(
        baseline=path.parent / values.baseline,
        followup=path.parent / values.followup,
        lesions=lesions,
        patient=str(values.patient),
        note=str(values.note),
    )


def _truth(where: str, entry: object) -> LesionTruth:
    values = checked(_TruthEntry, entry, where)
    try:
        lesion = Lesion(values.id, values.baseline_mm, values.radius_mm)
    except ValueError as error:
        raise FileFormatError(f"{where}: {error}") from None
    return LesionTruth(lesion, values.followup_mm, values.followup_radius_mm or lesion.radius_mm)
