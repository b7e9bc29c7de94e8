"""The gate: new weights are published only if they are better on patients they have not seen, and worse nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lesion_tracker.network.inputs import hu_source
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.tracking.search import search_sources
from lesion_tracker.training.learning.split import HELD_OUT_LESIONS
from lesion_tracker.training.learning.taught_pairs import TaughtPair

SURE = 0.80
"""Share of bootstrap samples in which the mean error must be lower."""

RESAMPLES = 10_000
SEED = 2026
MOST_LOST = 2
"""Validation inputs that the new weights may find fewer than the old ones, and than any before these back to the shipped ones:
several trainings together may lose no more than one."""

AGREED = 0.5
"""Share of the corrected lesions that the new weights must place within 10 mm of the reader's point. Training on a new scanner
lowers the error to any points, wrong ones too; but points that are not on the lesions stay far from what the weights see."""

FEWEST_TESTED = 4
"""With fewer corrected lesions than this the bootstrap says nothing."""


@dataclass(frozen=True)
class PairedErrors:
    """Errors of old and new weights on the same corrected lesions, none of a patient that the new ones learned from.

    Args:
        before_mm: of the published weights.
        after_mm: of the new ones, in the same order.
        patients: whose lesion each is.
        how: "held-out patients", or the cross-validation.
    """

    before_mm: tuple[float, ...]
    after_mm: tuple[float, ...]
    patients: tuple[str, ...]
    how: str

    def __post_init__(self) -> None:
        """Refuse errors that are not paired."""
        if not len(self.before_mm) == len(self.after_mm) == len(self.patients):
            raise ValueError(
                f"{len(self.before_mm)} old errors, {len(self.after_mm)} new ones and {len(self.patients)} patients: "
                "they must be paired"
            )


@dataclass(frozen=True)
class Kept:
    """How many validation inputs old and new weights find.

    Args:
        n: validation inputs; 0 where none are there.
        before: found by the published weights.
        after: found by the new ones.
        best: the most that the published weights or any that they come from found.
    """

    n: int
    before: int
    after: int
    best: int

    @property
    def keeps(self) -> bool:
        """Whether the new weights lose no more than they may."""
        return self.best - self.after <= MOST_LOST


@dataclass(frozen=True)
class Decision:
    """What the gate says.

    Args:
        publish: whether the new weights take the place of the published ones.
        reason: sentences for a reader: why, with the numbers.
        figures: the same for the card; no names of patients.
    """

    publish: bool
    reason: str
    figures: dict[str, Any]


def corrected_errors(tracker: Tracker, taught: Sequence[TaughtPair]) -> tuple[list[float], list[str]]:
    """Track the corrected lesions of some pairs as the product would, from the point that registration gave.

    Returns:
        The distance to the reader's point for each, mm, and its patient.
    """
    errors, patients = [], []
    for one in taught:
        for lesion in one.pair.lesions:
            if lesion.id not in one.corrected or lesion.expected_mm is None:
                continue
            answer = search_sources(
                tracker,
                hu_source(one.pair.baseline.volume),
                (lesion.baseline_mm, lesion.baseline_radius_mm),
                hu_source(one.pair.followup.volume),
                (lesion.expected_mm, lesion.followup_radius_mm),
            )
            errors.append(float(np.linalg.norm(answer.center_mm - lesion.followup_mm)))
            patients.append(one.patient)
    return errors, patients


def bootstrap_share(before_mm: Sequence[float], after_mm: Sequence[float]) -> float:
    """Return the share of bootstrap samples of the lesions in which the mean error is lower after than before."""
    change = np.asarray(after_mm, dtype=np.float64) - np.asarray(before_mm, dtype=np.float64)
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, len(change), (RESAMPLES, len(change)))
    return float((change[drawn].mean(axis=1) < 0).mean())


def decide(tested: PairedErrors, kept: Kept) -> Decision:
    """Say whether new weights are published.

    Args:
        tested: on corrected lesions.
        kept: on the validation inputs.
    """
    figures: dict[str, Any] = {
        "tested_on": tested.how,
        "lesions": len(tested.before_mm),
        "patients": len(set(tested.patients)),
        "validation": asdict(kept),
    }
    if len(tested.before_mm) < FEWEST_TESTED:
        reason = f"only {len(tested.before_mm)} corrected lesions could be tested, {FEWEST_TESTED} are needed"
        return Decision(False, reason, figures)
    before, after = float(np.mean(tested.before_mm)), float(np.mean(tested.after_mm))
    share = bootstrap_share(tested.before_mm, tested.after_mm)
    figures |= {"mean_error_before_mm": before, "mean_error_after_mm": after, "bootstrap_share": share}
    figures |= {"within_10mm_before": _within(tested.before_mm), "within_10mm_after": _within(tested.after_mm)}
    corrected = _about_corrected(tested, before, after, share)
    lost = _about_validation(kept)
    better = after < before and share >= SURE and figures["within_10mm_after"] >= AGREED
    safe = kept.n > 0 and kept.keeps
    return Decision(better and safe, f"{corrected}; {lost}", figures)


def best_before(card: Mapping[str, Any], found: int, n: int) -> int:
    """Return the most validation inputs that some weights, or any that they come from, found.

    Args:
        card: of the weights; that of tuned ones has what their gate saw.
        found: by these weights.
        n: inputs; those of another number are others, and say nothing.
    """
    gate = card.get("gate")
    earlier = gate.get("validation") if isinstance(gate, dict) else None
    if not isinstance(earlier, dict) or earlier.get("n") != n:
        return found
    return max([found, *(int(earlier[key]) for key in ("before", "best") if isinstance(earlier.get(key), int))])


def _about_corrected(tested: PairedErrors, before: float, after: float, share: float) -> str:
    where = f"on {len(tested.before_mm)} corrected lesions ({tested.how})"
    numbers = f"{before:.1f} mm before, {after:.1f} mm after, lower in {100 * share:.0f} % of bootstrap samples"
    few = "" if len(tested.before_mm) >= HELD_OUT_LESIONS else ", few lesions"
    near = round(_within(tested.after_mm) * len(tested.after_mm))
    if after < before and share >= SURE and near < AGREED * len(tested.after_mm):
        return (
            f"lower {where}: {numbers}; but only {near} are found within 10 mm of the reader's point, "
            f"{100 * AGREED:.0f} % are needed: are the corrections on the right lesions?{few}"
        )
    if after < before and share >= SURE:
        return f"better {where}: {numbers}{few}"
    needed = f"{100 * SURE:.0f} % are needed"
    return f"not surely better {where}: {numbers}, {needed}{few}"


def _about_validation(kept: Kept) -> str:
    if not kept.n:
        return "there are no validation inputs, so nothing shows that other lesions are still found"
    numbers = f"{kept.before} of {kept.n} validation inputs found before, {kept.after} after"
    if kept.keeps:
        return numbers
    earlier = f" of the {kept.best} that earlier weights found" if kept.best > kept.before else ""
    return f"{numbers}: at most {MOST_LOST}{earlier} may be lost"


def _within(errors_mm: Sequence[float]) -> float:
    return float(np.mean(np.asarray(errors_mm) <= 10.0))
