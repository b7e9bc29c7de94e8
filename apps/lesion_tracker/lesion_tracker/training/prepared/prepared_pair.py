"""Prepared pairs: two prepared studies of one patient, with lesions marked in both and where registration puts them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_model import Entry, Number, Triple, TripleOrNone, checked
from lesion_tracker.training.prepared.prepared_study import (
    EDGE_MM,
    INDEX_NAME,
    PreparedStudy,
    balls_inside,
    read_index,
    read_study,
)
from lesion_tracker.volumes.grid import Grid


@dataclass(frozen=True, eq=False)
class PairedLesion:
    """A lesion marked in both studies, LPS mm.

    Args:
        id: of the lesion.
        baseline_mm: in the baseline.
        baseline_radius_mm: there.
        followup_mm: in the follow-up.
        followup_radius_mm: there.
        expected_mm: where the affine puts it in the follow-up, or None where registration failed.
        expected_back_mm: where the affine of the other direction puts it in the baseline, or None.
    """

    id: str
    baseline_mm: PointMm
    baseline_radius_mm: float
    followup_mm: PointMm
    followup_radius_mm: float
    expected_mm: PointMm | None = None
    expected_back_mm: PointMm | None = None

    def reversed(self) -> "PairedLesion":
        """Return the lesion as seen from the follow-up."""
        return PairedLesion(
            self.id,
            self.followup_mm,
            self.followup_radius_mm,
            self.baseline_mm,
            self.baseline_radius_mm,
            self.expected_back_mm,
            self.expected_mm,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {key: v.tolist() if isinstance(v, np.ndarray) else v for key, v in vars(self).items()}

    @classmethod
    def from_json(cls, values: object, where: str) -> "PairedLesion":
        """Read what `to_json` wrote.

        Args:
            values: a JSON object.
            where: it stands, for the message.

        Raises:
            FileFormatError: for a wrong key or value.
        """
        entry: dict[str, Any] = checked(_LesionEntry, values, where).model_dump()
        places = {key: np.array(value) for key, value in entry.items() if isinstance(value, tuple)}
        return cls(**{**entry, **places})


class _LesionEntry(Entry):
    id: str = Field(description="a text")
    baseline_mm: Triple
    baseline_radius_mm: Number
    followup_mm: Triple
    followup_radius_mm: Number
    expected_mm: TripleOrNone
    expected_back_mm: TripleOrNone


class _PairEntry(Entry):
    name: str = Field(description="a text")
    baseline: str = Field(description="the name of a study")
    followup: str = Field(description="the name of a study")
    lesions: list[Any]


@dataclass(frozen=True, eq=False)
class PreparedPair:
    """Two prepared studies with the lesions marked in both.

    Args:
        name: of the pair.
        baseline: one study.
        followup: the other.
        lesions: at least one.
    """

    name: str
    baseline: PreparedStudy
    followup: PreparedStudy
    lesions: tuple[PairedLesion, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the index; the studies are named."""
        return {
            "name": self.name,
            "baseline": self.baseline.name,
            "followup": self.followup.name,
            "lesions": [lesion.to_json() for lesion in self.lesions],
        }


def read_prepared_pairs(folder: Path, names: Sequence[str] = ()) -> list[PreparedPair]:
    """Map the prepared pairs into memory.

    Args:
        folder: what `PreparedWriter` wrote.
        names: which; none takes all.

    Raises:
        FileFormatError: for an unknown name, a missing array, a wrong entry, or a lesion outside its study.
    """
    index = read_index(folder)
    path = folder / INDEX_NAME
    pairs = [checked(_PairEntry, entry, f"{path}: pair {n}") for n, entry in enumerate(index["pairs"], start=1)]
    entries = {pair.name: pair for pair in pairs}
    unknown = sorted(set(names) - set(entries))
    if unknown:
        raise FileFormatError(f"{folder} holds no prepared pairs {unknown}, only {sorted(entries)}")
    studies = {entry["name"]: read_study(folder, entry) for entry in index["pair_studies"]}
    return [_pair(folder, entries[name], studies) for name in names or entries]


def _pair(folder: Path, entry: _PairEntry, studies: dict[str, PreparedStudy]) -> PreparedPair:
    where = f"{folder}: pair {entry.name!r}"
    unknown = [name for name in (entry.baseline, entry.followup) if name not in studies]
    if unknown:
        raise FileFormatError(f"{where} cannot be read: there is no study {unknown[0]!r}; prepare again")
    lesions = tuple(PairedLesion.from_json(row, f"{where}, lesion {n}") for n, row in enumerate(entry.lesions, start=1))
    baseline, followup = studies[entry.baseline], studies[entry.followup]
    require_pair(entry.name, baseline.volume.grid, followup.volume.grid, lesions, EDGE_MM)
    return PreparedPair(entry.name, baseline, followup, lesions)


def require_pair(
    name: str, baseline: Grid, followup: Grid, lesions: Sequence[PairedLesion], margin_mm: float = 0.0
) -> None:
    """Refuse a pair without lesions, or with one outside its study.

    Args:
        name: of the pair, for the message.
        baseline: where the baseline lies.
        followup: where the follow-up lies.
        lesions: marked in both.
        margin_mm: how far beyond the outer voxel faces they may lie.

    Raises:
        FileFormatError: with the pair, the lesion's place and which study.
    """
    if not lesions:
        raise FileFormatError(f"pair {name!r} has no lesion")
    before = [[*x.baseline_mm, x.baseline_radius_mm] for x in lesions]
    after = [[*x.followup_mm, x.followup_radius_mm] for x in lesions]
    balls_inside(f"baseline of pair {name!r}", baseline, before, margin_mm)
    balls_inside(f"follow-up of pair {name!r}", followup, after, margin_mm)
