"""Evidence with its truth to a Calibration: which candidate is chosen, how sure that is, and the two thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.accuracy.reliability import area_under_curve, expected_calibration_error
from lesion_tracker.scoring.cpm import hits_at_10mm
from lesion_tracker.tracking.candidates import Candidate
from lesion_tracker.tracking.confidence import CONFIDENCE_FEATURES, Calibration, Logistic, confidence_features, features
from lesion_tracker.tracking.evidence import Evidence
from lesion_tracker.tracking.fusion import choose, fuse

CHOICE_PENALTY = 3.0
PENALTY = 15.0
"""Of the squared weights of standardised features, of the choice and of the confidence."""

FAILING, FAILING_WEIGHT = "failing", 0.25
"""A lesion of a pair that was made to fail counts so much in a fit: failures are rarer among the others."""

CONSTANT = 1e-3
"""A feature that varies less than this tells nothing, and gets no weight."""

AGREE_MM = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
MOST_FLAGGED = 0.04
"""Share of right answers below `found_from`; the figure to reach is 0.05."""


@dataclass(frozen=True, eq=False)
class Example:
    """One lesion.

    Args:
        volume: its base volume.
        candidates: the point of registration first.
        evidence: about each.
        network_mm: the network's own point.
        truth_mm: where it is; None if it vanished.
        radius_mm: in the follow-up.
        weight: how much it counts in a fit.
    """

    volume: str
    candidates: tuple[Candidate, ...]
    evidence: tuple[Evidence, ...]
    network_mm: np.ndarray
    truth_mm: np.ndarray | None
    radius_mm: float
    weight: float = 1.0

    def error_mm(self, point_mm: np.ndarray) -> float:
        """Return the distance of a point to the truth; infinite where there is none."""
        return float("inf") if self.truth_mm is None else float(np.linalg.norm(point_mm - self.truth_mm))

    def right(self, point_mm: np.ndarray) -> bool:
        """Whether a point is a hit by the benchmark's rule."""
        return bool(hits_at_10mm(np.array([self.error_mm(point_mm)]), np.array([self.radius_mm]))[0])

    def right_candidates(self) -> np.ndarray:
        """Return which candidates are hits, shape (candidates,)."""
        return np.array([self.right(np.asarray(one.center_mm)) for one in self.candidates])


def examples_of(records: Sequence[dict[str, Any]]) -> list[Example]:
    """Return the examples of collected records."""
    return [
        Example(
            record["volume"],
            tuple(
                Candidate(np.array(c["center_mm"]), tuple(c["sources"]), c["evidence"]["similarity"])
                for c in lesion["candidates"]
            ),
            tuple(Evidence(**c["evidence"]) for c in lesion["candidates"]),
            np.array(lesion["network_mm"]),
            np.array(lesion["truth"]["followup_mm"]) if lesion["truth"]["counted"] else None,
            float(lesion["truth"]["followup_radius_mm"]),
            FAILING_WEIGHT if record.get("data") == FAILING else 1.0,
        )
        for record in records
        for lesion in record["lesions"]
    ]


def fit_choice(examples: Sequence[Example], penalty: float = CHOICE_PENALTY) -> tuple[float, ...]:
    """Fit the weights of the choice: a conditional logit over the candidates of each lesion that has a right one.

    Args:
        examples: lesions.
        penalty: of the squared weights of the standardised features.

    Raises:
        ValueError: if no lesion has both a right and a wrong candidate: there is nothing to learn from.
    """
    sets = []
    for example in examples:
        right = example.right_candidates()
        if right.any() and not right.all():
            sets.append((np.array([features(one) for one in example.evidence]), right, example.weight))
    if not sets:
        raise ValueError(f"none of {len(examples)} lesions has a right and a wrong candidate: no choice can be learned")
    spread = np.concatenate([values for values, _, _ in sets]).std(axis=0) + 1e-6

    def cost(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = 0.5 * penalty * float(weights @ weights), penalty * weights
        for values, right, weight in sets:
            scaled = values / spread
            sums = scaled @ weights
            share = np.exp(sums - sums.max())
            share /= share.sum()
            of_right = share * right / share[right].sum()
            total -= weight * float(np.log(share[right].sum()))
            slope = slope - weight * scaled.T @ (of_right - share)
        return total, slope

    found = minimize(cost, np.zeros(len(spread)), jac=True, method="L-BFGS-B")
    return tuple(float(w) for w in found.x / spread)


def fit_logistic(
    values: np.ndarray, right: np.ndarray, penalty: float = PENALTY, weights: np.ndarray | None = None
) -> Logistic:
    """Fit a logistic regression with a penalty on the squared weights, by Newton's method.

    Args:
        values: features, shape (n, k), as they are.
        right: shape (n,), True for right ones.
        penalty: of the squared weights of the standardised features.
        weights: how much each counts, shape (n,); None: once.
    """
    counts = np.ones(len(values)) if weights is None else weights
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread < CONSTANT, np.inf, spread)
    design = np.column_stack([(values - mean) / spread, np.ones(len(values))])
    ridge = np.append(np.full(values.shape[1], penalty), 1e-3)
    found = np.zeros(design.shape[1])
    for _ in range(60):
        probability = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (counts * (probability - right)) + ridge * found
        bend = (design * (counts * probability * (1 - probability))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        found = found - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    plain = found[:-1] / spread
    return Logistic(tuple(float(w) for w in plain), float(found[-1] - plain @ mean))


def fit_all(examples: Sequence[Example], agree_mm: float, found_from: float = 0.5) -> Calibration:
    """Fit the choice, then the confidence of what is chosen by it."""
    chosen = Calibration(fit_choice(examples), Logistic((0.0,) * len(CONFIDENCE_FEATURES), 0.0), found_from, agree_mm)
    values, right = [], []
    for example in examples:
        place = choose(example.candidates, example.evidence, chosen)
        values.append(confidence_features(example.evidence[place.number], place.share))
        right.append(example.right(np.asarray(example.candidates[place.number].center_mm)))
    weights = np.array([example.weight for example in examples])
    return replace(chosen, confidence=fit_logistic(np.array(values), np.array(right), weights=weights))


@dataclass(frozen=True, eq=False)
class Fused:
    """What fusion would have answered.

    Args:
        confidence: shape (n,).
        error_mm: shape (n,), infinite for vanished lesions.
        right: shape (n,).
    """

    confidence: np.ndarray
    error_mm: np.ndarray
    right: np.ndarray

    def mean_error(self) -> float:
        """Return the mean error of what can be found, mm."""
        return float(self.error_mm[np.isfinite(self.error_mm)].mean())


def fused_by(examples: Sequence[Example], rules: Sequence[Calibration]) -> Fused:
    """Fuse each example by its own rules."""
    answers = [fuse(e.candidates, e.evidence, r) for e, r in zip(examples, rules, strict=True)]
    return Fused(
        np.array([a.confidence for a in answers]),
        np.array([e.error_mm(a.center_mm) for e, a in zip(examples, answers, strict=True)]),
        np.array([e.right(a.center_mm) for e, a in zip(examples, answers, strict=True)]),
    )


def held_out(examples: Sequence[Example], agree_mm: float) -> list[Calibration]:
    """Return for each example what was fitted on the other base volumes.

    Raises:
        ValueError: if all examples come from one volume.
    """
    volumes = sorted({example.volume for example in examples})
    if len(volumes) < 2:
        raise ValueError(f"cross-validation needs two base volumes, got {volumes}")
    of_volume = {v: fit_all([e for e in examples if e.volume != v], agree_mm) for v in volumes}
    return [of_volume[example.volume] for example in examples]


def calibrate(examples: Sequence[Example]) -> tuple[Calibration, dict[str, Any]]:
    """Fit on all examples; choose the thresholds by answers of fits that have not seen the volume.

    Returns:
        The calibration, and how good it was on volumes held out.
    """
    by_agree = {mm: fused_by(examples, held_out(examples, mm)) for mm in AGREE_MM}
    agree_mm = min(AGREE_MM, key=lambda mm: by_agree[mm].mean_error())
    fused = by_agree[agree_mm]
    found_from = float(np.quantile(fused.confidence[fused.right], MOST_FLAGGED)) if fused.right.any() else 0.5
    return fit_all(examples, agree_mm, found_from), _quality(examples, fused, found_from, by_agree)


def _quality(
    examples: Sequence[Example], fused: Fused, found_from: float, by_agree: dict[float, Fused]
) -> dict[str, Any]:
    there = np.isfinite(fused.error_mm)
    flagged = fused.confidence < found_from
    wrong = there & ~fused.right
    return {
        "n": len(examples),
        "volumes": sorted({example.volume for example in examples}),
        "auc": area_under_curve(fused.confidence[there], fused.right[there]),
        "ece": expected_calibration_error(fused.confidence, fused.right) if len(examples) >= 10 else None,
        "right": float(fused.right[there].mean()),
        "prior_right": float(np.mean([e.right_candidates()[0] for e in examples if e.truth_mm is not None])),
        "network_right": float(np.mean([e.right(e.network_mm) for e in examples if e.truth_mm is not None])),
        "any_candidate_right": float(np.mean([e.right_candidates().any() for e in examples if e.truth_mm is not None])),
        "flagged_of_right": float(flagged[fused.right].mean()) if fused.right.any() else None,
        "flagged_of_wrong": float(flagged[wrong].mean()) if wrong.any() else None,
        "flagged_of_vanished": float(flagged[~there].mean()) if (~there).any() else None,
        "med_mm_by_agree_mm": {str(mm): round(one.mean_error(), 3) for mm, one in by_agree.items()},
    }
