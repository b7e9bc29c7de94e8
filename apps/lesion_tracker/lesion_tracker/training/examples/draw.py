"""What training draws at random: radii as in the benchmark, places with structure, errors of registration."""

from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointMm, PointsMm

RADIUS_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
RADIUS_MM = (3.0, 4.2, 6.9, 10.6, 17.2, 37.7, 45.0)
"""Quantiles of the lesion radius in the paper's test pairs; the ends are ours."""


def random_radius(rng: np.random.Generator, most_mm: float = 45.0) -> float:
    """Draw a lesion radius in mm from the benchmark's distribution, at most `most_mm`.

    Source: radii of the released test pairs, 5/25/50/75/95 % = 4.2/6.9/10.6/17.2/37.7 mm.
    """
    return min(float(np.interp(rng.random(), RADIUS_QUANTILES, RADIUS_MM)), most_mm)


@dataclass(frozen=True, eq=False)
class RegistrationErrors:
    """How far registration puts a lesion from where it is.

    Args:
        measured_mm: (n, 3) errors of the affine on constructed pairs, LPS; may be empty.
        tail: share of draws from the long tail instead.
        tail_mm: the tail's shortest and longest error.
    """

    measured_mm: PointsMm
    tail: float = 0.3
    tail_mm: tuple[float, float] = (10.0, 46.0)

    def draw(self, rng: np.random.Generator) -> PointMm:
        """Draw one error vector in mm.

        In the paper's data 5 % of the lesions lie beyond 29 mm and 1 % beyond 46 mm from the affine point; a network
        that has never seen such errors follows the prior there.
        """
        if rng.random() < self.tail:
            direction = rng.normal(size=3)
            length = rng.uniform(*self.tail_mm)
            return np.asarray(direction / np.linalg.norm(direction) * length)
        if len(self.measured_mm) and rng.random() < 0.7:
            error = self.measured_mm[rng.integers(len(self.measured_mm))]
            return np.asarray(error * rng.choice([-1.0, 1.0], 3) * rng.uniform(0.5, 1.5))
        return np.asarray(rng.normal(0, rng.uniform(0.5, 6.0), 3))

    def draw_where_moved(self, moved_mm: PointMm, rng: np.random.Generator) -> PointMm:
        """Draw one error vector in mm for a place whose region moved against its surroundings.

        Registration keeps to the surroundings: it mostly misses the motion.

        Args:
            moved_mm: how far the region moved; for zeros an error is drawn as anywhere else.
            rng: the only source of randomness.
        """
        if moved_mm.any():
            return -moved_mm * rng.uniform(0.2, 1.1) + rng.normal(0, 4, 3)
        return self.draw(rng)
