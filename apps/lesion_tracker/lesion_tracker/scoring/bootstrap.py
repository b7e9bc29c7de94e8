"""95 % intervals: patients are drawn again with replacement, because the lesions of one patient succeed together.

By hand, because the bootstrap of SciPy draws single values, not all lesions of a patient at once.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

DRAWS = 4000
SEED = 20210620
LEVEL = 0.95
FEWEST_PATIENTS = 5
"""With fewer there are too few different draws for an interval to mean anything."""

Columns = Float[ndarray, "lesions statistics"]
Interval = tuple[float, float]


def mean_intervals(values: Columns, patients: Sequence[str]) -> list[Interval | None]:
    """Return the interval of each column's mean, or None where it cannot be given; see `ratio_intervals`."""
    return ratio_intervals(values, np.ones_like(values), patients)


def ratio_intervals(numerator: Columns, denominator: Columns, patients: Sequence[str]) -> list[Interval | None]:
    """Return the interval of sum(numerator) / sum(denominator) for each column.

    Args:
        numerator: one row a lesion.
        denominator: likewise; 1 for a mean, or 1 for the lesions of a class and 0 for the others.
        patients: of each lesion.

    Returns:
        Low and high end at 95 %; None with an unknown patient, fewer than 5 patients, or where the denominator
        vanishes in more than half of the draws. The draws are the same in every call: they are seeded.
    """
    names, number = np.unique(np.asarray(patients, dtype=object).astype(str), return_inverse=True)
    if len(names) < FEWEST_PATIENTS or "" in names:
        return [None] * int(numerator.shape[1])
    rng = np.random.default_rng(SEED)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS).astype(np.float64)
    tops, bottoms = times @ _by_patient(numerator, number), times @ _by_patient(denominator, number)
    found: list[Interval | None] = []
    for top, bottom in zip(tops.T, bottoms.T, strict=True):
        there = bottom > 0
        if there.mean() <= 0.5:
            found.append(None)
            continue
        low, high = np.quantile(top[there] / bottom[there], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        found.append((float(low), float(high)))
    return found


def _by_patient(values: Columns, number: ndarray) -> ndarray:
    sums = np.zeros((int(number.max()) + 1, values.shape[1]))
    np.add.at(sums, number, values)
    return sums
