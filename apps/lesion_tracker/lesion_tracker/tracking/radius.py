"""The distance within which a lesion lies with 90 %: split conformal, by whether registration and network agree."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lesion_tracker.tracking.evidence import Evidence

COVERED = 0.9
AGREE_MM = 5.0
"""Registration and network mean a point that is nearer to theirs than this."""

SMALL = 40
"""A group of fewer lesions was measured too little to say anything."""

AGREE, DISAGREE = "agree", "disagree"
GROUPS = (AGREE, DISAGREE)
"""Whether registration and network both mean the point. Finer groups were too small: 25, 21 and 29 of 316 lesions."""


def group_of(evidence: Evidence) -> str:
    """Return whether registration and network both mean a candidate."""
    return AGREE if max(evidence.apart_mm, evidence.from_network_mm) < AGREE_MM else DISAGREE


@dataclass(frozen=True)
class Radius:
    """One group's distance.

    Args:
        radius_mm: within which 90 % of such lesions lie; infinite where too few were measured.
        lesions: that it was measured on.
    """

    radius_mm: float
    lesions: int


def conformal_radius(errors_mm: Sequence[float], covered: float = COVERED) -> Radius:
    """Return the smallest error that (n + 1) x `covered` of n errors do not exceed: a new one does not with at least `covered`.

    Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005; the split form.
    """
    count = len(errors_mm)
    rank = math.ceil((count + 1) * covered - 1e-9)
    return Radius(sorted(errors_mm)[rank - 1] if rank <= count else math.inf, count)


@dataclass(frozen=True)
class Radii:
    """Distances by group.

    Args:
        groups: of GROUPS.
    """

    groups: Mapping[str, Radius]

    def of(self, evidence: Evidence) -> float | None:
        """Return the distance for a candidate, mm; None where too few such lesions were measured."""
        own = self.groups[group_of(evidence)]
        return own.radius_mm if own.lesions >= SMALL else None


def fit_radii(errors_mm: Sequence[float], groups: Sequence[str]) -> Radii:
    """Return the distances of measured errors by their groups.

    Args:
        errors_mm: of lesions that are there.
        groups: of GROUPS, one an error.
    """
    of_group = {g: [e for e, own in zip(errors_mm, groups, strict=True) if own == g] for g in GROUPS}
    return Radii({name: conformal_radius(found) for name, found in of_group.items()})
