"""What is known of a lesion's size and form before it is measured: a reader's radius, or its outline in an earlier study."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointsMm
from lesion_tracker.measurement.sphere import DIRECTIONS, sphere
from lesion_tracker.measurement.surfaces import RADII_MM, Radii
from lesion_tracker.records.measurement import Measurement

BALL_OF_RADIUS = 0.8
"""The ball of the same volume, as a share of half of the longest diameter: the usual one of the fit's lesions."""


@dataclass(frozen=True, eq=False)
class Prior:
    """A size that is expected, and how much it counts: it can raise or lower a surface's score by `weight` at most.

    Args:
        radius_mm: (directions,), of the surface expected.
        size_spread: standard deviation of the logarithm of the size.
        form_spread: standard deviation of the logarithm of the radii among directions; None: no form is expected.
        weight: in units of the score, which is a Dice coefficient.
    """

    radius_mm: np.ndarray
    size_spread: float
    form_spread: float | None
    weight: float

    def penalty(self, radii: Radii) -> np.ndarray:
        """Return what each surface loses, from 0 to `weight`."""
        ratio = np.log(RADII_MM[radii] / self.radius_mm)
        away = (ratio.mean(axis=1) / self.size_spread) ** 2
        if self.form_spread is not None:
            away = away + (ratio.std(axis=1) / self.form_spread) ** 2
        return np.asarray(self.weight * (1 - np.exp(-0.5 * away)))


def prior_of_radius(radius_mm: float) -> Prior:
    """Return the prior of half of the longest diameter, mm, as a reader gives it."""
    return Prior(np.full(DIRECTIONS, BALL_OF_RADIUS * radius_mm), size_spread=0.25, form_spread=None, weight=0.3)


def prior_of_outline(earlier: Measurement, here_from_there: Callable[[PointsMm], PointsMm]) -> Prior:
    """Return the prior of an earlier outline, moved into this study: lesions grow and shrink, so it says little.

    Args:
        earlier: with an outline.
        here_from_there: takes LPS points (n, 3) of its study to this one, such as a registration.

    Raises:
        ValueError: for a measurement without an outline.
    """
    if not earlier.outline:
        raise ValueError("a measurement without an outline says nothing about a lesion's form")
    points = here_from_there(np.concatenate([np.array(ring) for ring in earlier.outline]))
    offsets = points - here_from_there(np.array([earlier.center_mm]))[0]
    length = np.maximum(np.linalg.norm(offsets, axis=1), 1e-6)
    near = np.exp(12.0 * (sphere().directions @ (offsets / length[:, None]).T - 1))
    radius = np.exp((near @ np.log(length)) / near.sum(axis=1))
    return Prior(np.clip(radius, RADII_MM[0], RADII_MM[-1]), size_spread=0.4, form_spread=0.4, weight=0.1)
