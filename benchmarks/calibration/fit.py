"""Evidence with its truth to a Calibration: two logistic regressions, and the two thresholds that come after them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lib.evaluation.reliability import area_under_curve, expected_calibration_error
from lib.metrics.cpm import hits_at_10mm
from lib.tracking.confidence import FEATURES, Calibration, Logistic, features
from lib.tracking.evidence import Evidence
from lib.tracking.fusion import fuse

PENALTY = 3.0
"""Of the squared weights of standardised features: as much as a few lesions say."""
AGREE_MM = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
MOST_FLAGGED = 0.04
"""Share of right answers below `found_from`; the figure to reach is 0.05."""


@dataclass(frozen=True, eq=False)
class Example:
    """One lesion.

    Args:
        volume: its base volume.
        evidence: about both candidates.
        prior_mm: registration's point.
        network_mm: the network's.
        truth_mm: where it is; None if it vanished.
        radius_mm: in the follow-up.
    """

    volume: str
    evidence: Evidence
    prior_mm: np.ndarray
    network_mm: np.ndarray
    truth_mm: np.ndarray | None
    radius_mm: float

    def error_mm(self, point_mm: np.ndarray) -> float:
        """Return the distance of a point to the truth; infinite where there is none."""
        return float("inf") if self.truth_mm is None else float(np.linalg.norm(point_mm - self.truth_mm))

    def right(self, point_mm: np.ndarray) -> bool:
        """Whether a point is a hit by the benchmark's rule."""
        return bool(hits_at_10mm(np.array([self.error_mm(point_mm)]), np.array([self.radius_mm]))[0])


def examples_of(records: Sequence[dict[str, Any]]) -> list[Example]:
    """Return the examples of collected records."""
    return [
        Example(
            record["volume"],
            Evidence(**lesion["evidence"]),
            np.array(lesion["prior_mm"]),
            np.array(lesion["network_mm"]),
            np.array(lesion["truth"]["followup_mm"]) if lesion["truth"]["counted"] else None,
            float(lesion["truth"]["followup_radius_mm"]),
        )
        for record in records
        for lesion in record["lesions"]
    ]


def fit_logistic(values: np.ndarray, right: np.ndarray, penalty: float = PENALTY) -> Logistic:
    """Fit a logistic regression with a penalty on the squared weights, by Newton's method.

    Args:
        values: features, shape (n, k), as they are.
        right: shape (n,), True for right ones.
        penalty: of the squared weights of the standardised features.
    """
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-6
    design = np.column_stack([(values - mean) / spread, np.ones(len(values))])
    ridge = np.append(np.full(values.shape[1], penalty), 1e-3)
    weights = np.zeros(design.shape[1])
    for _ in range(60):
        probability = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (probability - right) + ridge * weights
        bend = (design * (probability * (1 - probability))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        weights = weights - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    plain = weights[:-1] / spread
    return Logistic(tuple(float(w) for w in plain), float(weights[-1] - plain @ mean))


def fit_regressions(examples: Sequence[Example]) -> Calibration:
    """Fit both regressions; the thresholds are those of no calibration yet."""
    values = np.array([features(example.evidence) for example in examples])
    network = np.array([example.right(example.network_mm) for example in examples])
    prior = np.array([example.right(example.prior_mm) for example in examples])
    return Calibration(fit_logistic(values, network), fit_logistic(values, prior), found_from=0.5, agree_mm=6.0)


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
    answers = [fuse(e.prior_mm, e.network_mm, e.evidence, r) for e, r in zip(examples, rules, strict=True)]
    return Fused(
        np.array([a.confidence for a in answers]),
        np.array([e.error_mm(a.center_mm) for e, a in zip(examples, answers, strict=True)]),
        np.array([e.right(a.center_mm) for e, a in zip(examples, answers, strict=True)]),
    )


def held_out(examples: Sequence[Example]) -> list[Calibration]:
    """Return for each example the regressions fitted on the other base volumes.

    Raises:
        ValueError: if all examples come from one volume.
    """
    volumes = sorted({example.volume for example in examples})
    if len(volumes) < 2:
        raise ValueError(f"cross-validation needs two base volumes, got {volumes}")
    of_volume = {v: fit_regressions([e for e in examples if e.volume != v]) for v in volumes}
    return [of_volume[example.volume] for example in examples]


def calibrate(examples: Sequence[Example]) -> tuple[Calibration, dict[str, Any]]:
    """Fit on all examples; choose the thresholds by answers of regressions that have not seen the volume.

    Returns:
        The calibration, and how good it was on volumes held out.
    """
    rules = held_out(examples)
    by_agree = {mm: fused_by(examples, [replace(rule, agree_mm=mm) for rule in rules]) for mm in AGREE_MM}
    agree_mm = min(AGREE_MM, key=lambda mm: by_agree[mm].mean_error())
    fused = by_agree[agree_mm]
    found_from = float(np.quantile(fused.confidence[fused.right], MOST_FLAGGED)) if fused.right.any() else 0.5
    fitted = replace(fit_regressions(examples), agree_mm=agree_mm, found_from=found_from)
    return fitted, _quality(examples, fused, found_from, by_agree)


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
        "prior_right": float(np.mean([e.right(e.prior_mm) for e in examples if e.truth_mm is not None])),
        "network_right": float(np.mean([e.right(e.network_mm) for e in examples if e.truth_mm is not None])),
        "best_of_both": float(
            np.mean([e.right(e.prior_mm) or e.right(e.network_mm) for e in examples if e.truth_mm is not None])
        ),
        "flagged_of_right": float(flagged[fused.right].mean()) if fused.right.any() else None,
        "flagged_of_wrong": float(flagged[wrong].mean()) if wrong.any() else None,
        "flagged_of_vanished": float(flagged[~there].mean()) if (~there).any() else None,
        "med_mm_by_agree_mm": {str(mm): round(one.mean_error(), 3) for mm, one in by_agree.items()},
        "single_feature_auc": _single(examples, fused),
    }


def _single(examples: Sequence[Example], fused: Fused) -> dict[str, float]:
    """Return how well each feature alone separates right answers from wrong ones (vanished ones are wrong)."""
    values = np.array([features(example.evidence) for example in examples])
    return {name: round(area_under_curve(values[:, n], fused.right), 3) for n, name in enumerate(FEATURES)}
