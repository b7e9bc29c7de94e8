"""scores.json: the scores of an evaluation, the mean seconds of a pair and the error of every lesion."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib.metrics.cpm import Scores

SCHEMA = 1
STAGES = ("load", "registration", "network", "total")


def scores_json(
    scores: Scores, method: str, seconds: Sequence[Mapping[str, float]], errors_mm: Mapping[str, float]
) -> dict[str, Any]:
    """Return the content of scores.json.

    Args:
        scores: of all lesions.
        method: how they were tracked, or the key that was scored.
        seconds: per pair, by stage (load, registration, network, total); a stage that is not named counts 0.
        errors_mm: Euclidean error of each lesion, mm.
    """
    return {
        "schema": SCHEMA,
        **scores.to_json(),
        "method": method,
        "seconds": mean_seconds(seconds),
        "errors_mm": {name: float(error) for name, error in errors_mm.items()},
    }


def mean_seconds(seconds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each stage over all pairs, in seconds; 0 without pairs."""
    return {stage: float(np.mean([pair.get(stage, 0.0) for pair in seconds])) if seconds else 0.0 for stage in STAGES}
