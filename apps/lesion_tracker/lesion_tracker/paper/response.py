"""Treatment response by RECIST's thresholds, and the scores of Table 4 of the paper for predicted diameters."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

Diameters = Float[ndarray, "lesions"]
"""Longest diameters, mm."""
Classes = Int[ndarray, "lesions"]
"""0 partial response, 1 stable disease, 2 progressive disease."""

Response = Literal["partial response", "stable disease", "progressive disease"]
RESPONSES: tuple[Response, ...] = get_args(Response)
SHRUNK, GROWN = -0.3, 0.2
"""Relative change of the diameter from which on a lesion counts as responding, or as progressing."""


@dataclass(frozen=True)
class ResponseScores:
    """What a set of diameters is worth; fractions lie in [0, 1].

    Args:
        n: number of lesions.
        mae_mm: mean absolute error of the diameter, and its population standard deviation.
        growth_accuracy: fraction whose predicted change has the sign of the true one; no change counts as wrong.
        response_accuracy: fraction whose RECIST class is right.
        balanced_accuracy: mean of the recalls of the classes that occur.
        recall: of each class; None where it does not occur.
        count: of lesions that truly belong to each class.
    """

    n: int
    mae_mm: float
    mae_sd_mm: float
    growth_accuracy: float
    response_accuracy: float
    balanced_accuracy: float
    recall: dict[str, float | None]
    count: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain JSON values."""
        return asdict(self)


def response_classes(baseline_mm: Diameters, followup_mm: Diameters) -> Classes:
    """Return the RECIST class of each lesion: change <= -0.3, between, or >= 0.2.

    Source: Cai et al., Deep Lesion Tracker, CVPR 2021, section 5.4.
    """
    change = (followup_mm - baseline_mm) / baseline_mm
    return np.where(change <= SHRUNK, 0, np.where(change >= GROWN, 2, 1))


def growth_hits(baseline_mm: Diameters, followup_mm: Diameters, predicted_mm: Diameters) -> Bool[ndarray, "lesions"]:
    """Say for each lesion whether the predicted change has the sign of the true one."""
    return np.asarray((followup_mm - baseline_mm) * (predicted_mm - baseline_mm) > 0)


def score_response(baseline_mm: Diameters, followup_mm: Diameters, predicted_mm: Diameters) -> ResponseScores:
    """Score predicted diameters of the follow-up.

    Args:
        baseline_mm: true diameters in the baseline.
        followup_mm: true diameters in the follow-up.
        predicted_mm: what was predicted for the follow-up.

    Raises:
        ValueError: without lesions, or for diameters that are not positive finite numbers.
    """
    if not len(baseline_mm):
        raise ValueError("there is nothing to score: no lesion was given")
    for name, values in (("baseline", baseline_mm), ("follow-up", followup_mm), ("predicted", predicted_mm)):
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"the {name} diameters must be positive numbers in mm")
    true, found = response_classes(baseline_mm, followup_mm), response_classes(baseline_mm, predicted_mm)
    recalls = [float((found[true == k] == k).mean()) if (true == k).any() else None for k in range(3)]
    error_mm = np.abs(predicted_mm - followup_mm)
    return ResponseScores(
        n=len(baseline_mm),
        mae_mm=float(error_mm.mean()),
        mae_sd_mm=float(error_mm.std()),
        growth_accuracy=float(growth_hits(baseline_mm, followup_mm, predicted_mm).mean()),
        response_accuracy=float((found == true).mean()),
        balanced_accuracy=float(np.mean([r for r in recalls if r is not None])),
        recall=dict(zip(RESPONSES, recalls, strict=True)),
        count={name: int((true == k).sum()) for k, name in enumerate(RESPONSES)},
    )
