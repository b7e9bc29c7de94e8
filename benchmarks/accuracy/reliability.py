"""How well confidences separate right from wrong, and whether they mean what they say."""

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray


def area_under_curve(confidence: Float[ndarray, "answers"], right: Bool[ndarray, "answers"]) -> float:
    """Return the probability that a right answer has the higher confidence than a wrong one; ties count one half.

    Returns:
        0 to 1; NaN where all answers are right, or all are wrong.
    """
    if right.all() or not right.any():
        return float("nan")
    good, bad = confidence[right][:, None], confidence[~right][None]
    return float((good > bad).mean() + 0.5 * (good == bad).mean())


def expected_calibration_error(
    confidence: Float[ndarray, "answers"], right: Bool[ndarray, "answers"], bins: int = 10
) -> float:
    """Return the mean distance between confidence and share of right answers over bins of equal count.

    Raises:
        ValueError: for fewer answers than bins.
    """
    if len(confidence) < bins:
        raise ValueError(f"{len(confidence)} answers do not fill {bins} bins")
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, bins)
    gaps = [abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(np.sum(gaps) / len(confidence))
