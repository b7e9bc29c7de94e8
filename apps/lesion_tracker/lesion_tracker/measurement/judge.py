"""Which surface is the lesion's, and how sure that is: trees and a sum, fitted on implants with known outlines."""

import functools
from collections.abc import Mapping

import numpy as np
from safetensors.numpy import load_file

from lesion_tracker.places import PACKAGE

WEIGHTS = PACKAGE / "measurement" / "judge.safetensors"
"""Written by `python -m benchmarks.measurement.fit`."""


@functools.lru_cache(maxsize=1)
def _weights() -> dict[str, np.ndarray]:
    return dict(load_file(WEIGHTS))


def scores(features: np.ndarray, weights: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
    """Return the Dice coefficient that each surface's outline will likely have, (surfaces,): the mean of many trees.

    Args:
        features: (surfaces, features) of `lesion_tracker.measurement.candidates`.
        weights: None: those that are shipped. `feature`, `threshold`, `left`, `right` and `value` of each node of each tree,
            (trees, nodes); a leaf's feature is -1.
    """
    weights = weights or _weights()
    seen = features.astype(np.float32)
    tree, surface = np.arange(len(weights["feature"]))[:, None], np.arange(len(seen))[None]
    node = np.zeros((len(tree), len(seen)), dtype=np.int64)
    while ((asked := weights["feature"][tree, node]) >= 0).any():
        lower = seen[surface, np.maximum(asked, 0)] <= weights["threshold"][tree, node]
        below = np.where(lower, weights["left"][tree, node], weights["right"][tree, node])
        node = np.where(asked >= 0, below, node)
    return np.asarray(weights["value"][tree, node].mean(axis=0), dtype=np.float64)


def doubt(evidence: np.ndarray) -> float:
    """Return how likely the long axis is more than 30 % off, in [0, 1].

    Args:
        evidence: of `evidence`.
    """
    weights = _weights()
    values = (evidence - weights["doubt_mean"]) / weights["doubt_deviation"]
    return float(1 / (1 + np.exp(-(values @ weights["doubt_weight"] + weights["doubt_bias"][0]))))


def doubt_from() -> float:
    """Return the doubt from which on a reader should check a measurement."""
    return float(_weights()["doubt_from"][0])


def evidence(
    all_scores: np.ndarray, sizes_mm: np.ndarray, chosen: int, long_axes_mm: tuple[float, float]
) -> np.ndarray:
    """Return what speaks for and against a measurement, (5,).

    Args:
        all_scores: of the surfaces.
        sizes_mm: of their balls.
        chosen: number of the surface that was taken.
        long_axes_mm: of the outline and of the second opinion, 0 where there is none.
    """
    first, second = long_axes_mm
    apart = abs(np.log(first / second)) if min(first, second) > 0 else 1.5
    rivals = all_scores > all_scores[chosen] - 0.1
    away = np.abs(np.log(sizes_mm / sizes_mm[chosen]))
    share = np.exp((all_scores - all_scores[chosen]) / 0.05)
    return np.array(
        [
            all_scores[chosen],
            min(apart, 1.5),
            float(away[rivals].max()),
            float((share * away).sum() / share.sum()),
            float(np.log(sizes_mm[chosen])),
        ]
    )
