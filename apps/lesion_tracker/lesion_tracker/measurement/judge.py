"""Which surface is the lesion's, and what speaks against it: trees, and a plain sum, fitted on implants with known outlines."""

import functools
from collections.abc import Mapping

import numpy as np
from safetensors.numpy import load_file

from lesion_tracker.measurement.axes import LEVEL, axes_of, rings
from lesion_tracker.places import PACKAGE
from lesion_tracker.volumes.volume import Volume

WEIGHTS = PACKAGE / "measurement" / "judge.safetensors"
"""Trees by `python -m benchmarks.measurement.fit`; usual evidence and limit by `python -m benchmarks.measurement.fit_flag`."""
MOST_APART = 1.5
"""Of the logarithms of two long axes; also where the second way found nothing."""


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


def evidence(score: float, cover: Volume, second: Volume) -> np.ndarray:
    """Return what speaks against a measurement, (3,): the more, the greater each.

    A low score of the judge; two ways that differ; a long axis beyond what the volume lets expect, as where a spur follows a
    neighbour.

    Args:
        score: of the surface that was taken.
        cover: the outline.
        second: by the other way.
    """
    first_mm, other = axes_of(rings(cover)).long_axis_mm, rings(second)
    apart = abs(np.log(first_mm / axes_of(other).long_axis_mm)) if other else MOST_APART
    ball_mm = np.cbrt((cover.hu > LEVEL).sum() * np.prod(cover.grid.spacing_mm) * 6 / np.pi)
    return np.array([-score, min(apart, MOST_APART), np.log(first_mm / ball_mm)])


def doubts(evidence: np.ndarray) -> np.ndarray:
    """Return the same in standard deviations from the usual: they count alike, and their sum is the doubt."""
    weights = _weights()
    return np.asarray((evidence - weights["doubt_mean"]) / weights["doubt_deviation"])


def doubt_from() -> float:
    """Return the doubt from which on a reader should check a measurement."""
    return float(_weights()["doubt_from"][0])
