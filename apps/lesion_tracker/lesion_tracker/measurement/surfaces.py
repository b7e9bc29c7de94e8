"""Closed surfaces round a point: a radius for each direction, cheap everywhere and smooth, by passing messages."""

import numpy as np
from jaxtyping import Float32, Int
from numpy import ndarray

from lesion_tracker.measurement.sphere import DIRECTIONS, sphere

RADII = 48
RADII_MM = np.geomspace(1.5, 48.0, RADII)
"""Evenly spaced in their logarithm, so that what holds for a small lesion holds for a large one."""
STEP = float(RADII_MM[1] / RADII_MM[0])

ROUNDS = 10
DAMPING = 0.3

Costs = Float32[ndarray, "surfaces directions radii"]
"""What each surface pays for each radius in each direction."""
Radii = Int[ndarray, "surfaces directions"]
"""Numbers of radii: the outermost one inside."""


def closed_surfaces(costs: Costs, slope: float, most: float) -> Radii:
    """Return for each set of costs the radii that cost least, with their differences between neighbours.

    Min-sum belief propagation on the sphere; a difference of n radii costs n times `slope`, and at most `most`.

    Args:
        costs: of the radii.
        slope: see above.
        most: see above.

    Source: Felzenszwalb and Huttenlocher, "Efficient belief propagation for early vision", 2006.
    """
    ball = sphere()
    ramp = (slope * np.arange(RADII)).astype(np.float32)
    messages = np.zeros((len(costs), len(ball.source) + 1, RADII), dtype=np.float32)  # the last one stays zero
    belief = costs
    for _ in range(ROUNDS):
        said = belief[:, ball.source] - messages[:, ball.reverse]
        rising = np.minimum.accumulate(said - ramp, axis=2) + ramp
        falling = np.minimum.accumulate((said + ramp)[:, :, ::-1], axis=2)[:, :, ::-1] - ramp
        least = said.min(axis=2, keepdims=True)
        new = np.minimum(np.minimum(rising, falling), least + most) - least
        messages[:, :-1] = DAMPING * messages[:, :-1] + (1 - DAMPING) * new
        belief = costs + messages[:, ball.incoming].sum(axis=2)
    return np.asarray(belief.argmin(axis=2))


def mean_between(profiles: Float32[ndarray, "directions radii"], first: Radii, beyond: Radii) -> ndarray:
    """Return the means of the profiles from radius `first` up to, without, `beyond`; both are cut to what there is."""
    sums = np.pad(np.cumsum(profiles, axis=1), ((0, 0), (1, 0)))
    low, high = np.clip(first, 0, RADII), np.clip(beyond, 0, RADII)
    rows = np.arange(DIRECTIONS)[None]
    return np.asarray((sums[rows, high] - sums[rows, low]) / np.maximum(high - low, 1))
