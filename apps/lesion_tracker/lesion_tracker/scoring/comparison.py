"""Two sets of answers to the same lesions, side by side: difference with its interval, wins and losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lesion_tracker.errors import FileFormatError
from lesion_tracker.scoring.answers import Answer, distances_of, patients_of, radii_of
from lesion_tracker.scoring.bootstrap import Interval, ratio_intervals
from lesion_tracker.scoring.cpm import hits_at_10mm, hits_at_radius

NEARER_MM = 0.5
"""One answer is nearer than another when the difference exceeds this; else they are even."""
SAME_RADIUS = 0.01
"""Relative: one of the released files rounds its diameters to 0.1 pixel."""


@dataclass(frozen=True)
class Difference:
    """One score of both sides.

    Args:
        first: of the first side.
        second: of the second.
        difference: first minus second.
        interval: its 95 % interval over patients, paired; None with too few patients.
        wins: lesions that only the first side hits (or has nearer).
        losses: lesions that only the second side hits (or has nearer).
    """

    first: float
    second: float
    difference: float
    interval: Interval | None
    wins: int
    losses: int


@dataclass(frozen=True)
class Comparison:
    """Both sides on the lesions of both.

    Args:
        n: lesions.
        patients: how many different ones are known.
        scores: by name: cpm_at_10mm, cpm_at_radius, within_10mm (fractions), med_mm.
    """

    n: int
    patients: int
    scores: dict[str, Difference]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "n": self.n,
            "patients": self.patients,
            "scores": {
                name: {**vars(score), "interval": list(score.interval) if score.interval else None}
                for name, score in self.scores.items()
            },
        }


def compare(first: Sequence[Answer], second: Sequence[Answer]) -> Comparison:
    """Compare two sides lesion by lesion.

    Args:
        first: answers of one side.
        second: of the other; in any order.

    Raises:
        FileFormatError: if they are not about the same lesions; names the first that differs.
    """
    pairs = matched(first, second)
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    radius_mm, patients = radii_of(left), patients_of(left)
    near, far = distances_of(left), distances_of(right)
    columns = {
        "cpm_at_10mm": (hits_at_10mm(near, radius_mm), hits_at_10mm(far, radius_mm)),
        "cpm_at_radius": (hits_at_radius(near, radius_mm), hits_at_radius(far, radius_mm)),
        "within_10mm": (near <= 10.0, far <= 10.0),
    }
    both = np.isfinite(near) & np.isfinite(far)  # mean distances are of what both sides answered
    gap_mm = np.subtract(near, far, out=np.zeros_like(near), where=both)
    gaps = [a.astype(np.float64) - b.astype(np.float64) for a, b in columns.values()] + [gap_mm]
    counted = np.ones((len(near), len(gaps)))
    counted[:, -1] = both
    intervals = ratio_intervals(np.stack(gaps, axis=1), counted, patients)
    scores = {
        name: Difference(
            float(a.mean()), float(b.mean()), float(gap.mean()), interval, int((a & ~b).sum()), int((b & ~a).sum())
        )
        for (name, (a, b)), gap, interval in zip(columns.items(), gaps, intervals, strict=False)
    }
    nearer, farther = int((near < far - NEARER_MM).sum()), int((far < near - NEARER_MM).sum())
    scores["med_mm"] = Difference(
        float(near[both].mean()), float(far[both].mean()), float(gap_mm[both].mean()), intervals[-1], nearer, farther
    )
    return Comparison(len(pairs), len(set(patients) - {""}), scores)


def matched(first: Sequence[Answer], second: Sequence[Answer]) -> list[tuple[Answer, Answer]]:
    """Return the answers of both sides to each lesion.

    Raises:
        FileFormatError: for a lesion of one side only, another patient, or another radius.
    """
    others = {answer.id: answer for answer in second}
    ids = {answer.id for answer in first}
    if alone := sorted(ids ^ others.keys()):
        side = "first" if alone[0] in ids else "second"
        raise FileFormatError(
            f"the files are not about the same lesions: entry {alone[0]!r} is only in the {side} one "
            f"({len(first)} and {len(second)} entries, {len(alone)} of them in one file only)"
        )
    for answer in first:
        _require_same(answer, others[answer.id])
    return [(answer, others[answer.id]) for answer in first]


def _require_same(one: Answer, other: Answer) -> None:
    if one.patient and other.patient and one.patient != other.patient:
        raise FileFormatError(
            f"entry {one.id!r} is of patient {one.patient!r} in the first file and of {other.patient!r} in the second: "
            "are the entries in another order?"
        )
    if abs(one.radius_mm - other.radius_mm) > max(SAME_RADIUS * one.radius_mm, 0.05):
        raise FileFormatError(
            f"entry {one.id!r} has radius {one.radius_mm:.2f} mm in the first file and {other.radius_mm:.2f} mm in the "
            "second: are these the same lesions?"
        )
