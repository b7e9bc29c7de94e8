"""A region that slides against its surroundings: all of its core moves by one vector, its rim shears, beyond nothing moves."""

from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointMm, PointsMm

CORE = 0.3
"""Share of a region's reach, along each of its axes, that moves as one piece."""
STEEPEST = 0.8
"""Along the motion the shift changes by at most this many mm per mm, so that no two places meet."""
BOXINESS = 4
"""Exponent of the norm that shapes the region: between an ellipsoid (2) and a box."""
BISECTIONS = 50


@dataclass(frozen=True, eq=False)
class MovedRegion:
    """A compact region in which tissue moves; x goes to y with y = x + shift · w(y).

    All points move along one direction, so along each line of that direction the map is a monotone function of one
    number, however steep the shear across it is: it can be inverted exactly.

    Args:
        center_mm: the middle of the region before the motion, LPS mm.
        shift_mm: how its core moves.
        axes: 3x3; the rows are orthonormal and the first runs along `shift_mm`.
        reach_mm: half of the region's extent along each row of `axes`.

    Raises:
        ValueError: if the region is too short along its motion to be invertible.
    """

    center_mm: PointMm
    shift_mm: PointMm
    axes: np.ndarray
    reach_mm: PointMm

    def __post_init__(self) -> None:
        """Refuse a motion that folds."""
        steepness = 1.5 * np.linalg.norm(self.shift_mm) / ((1 - CORE) * self.reach_mm[0])
        if steepness > STEEPEST + 1e-9:
            raise ValueError(
                f"a region of {self.reach_mm[0]:.0f} mm cannot move by {np.linalg.norm(self.shift_mm):.0f} mm"
            )

    def weight(self, moved_mm: PointsMm) -> np.ndarray:
        """Return the share w of the shift that places (n, 3) after the motion have made, in [0, 1]."""
        unit = np.abs((moved_mm - self.center_mm - self.shift_mm) @ self.axes.T / self.reach_mm)
        rho = (unit**BOXINESS).sum(axis=1) ** (1 / BOXINESS)
        t = np.clip((1 - rho) / (1 - CORE), 0.0, 1.0)
        return np.asarray(t * t * (3 - 2 * t))

    def move_back(self, moved_mm: PointsMm) -> PointsMm:
        """Take places after the motion, shape (n, 3), to where they came from; closed form."""
        return np.asarray(moved_mm - self.weight(moved_mm)[:, None] * self.shift_mm)

    def move(self, points_mm: PointsMm) -> PointsMm:
        """Take places before the motion, shape (n, 3), to where they go: the inverse of `move_back`, by bisection."""
        low, high = np.zeros(len(points_mm)), np.ones(len(points_mm))
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            beyond = self.weight(points_mm + middle[:, None] * self.shift_mm) < middle
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        return np.asarray(points_mm + ((low + high) / 2)[:, None] * self.shift_mm)


def random_region(center_mm: PointMm, shift_mm: PointMm, rng: np.random.Generator) -> MovedRegion:
    """Draw a region round `center_mm` that moves by `shift_mm`: as short along the motion as it may, 40 to 70 mm across."""
    length = float(np.linalg.norm(shift_mm))
    frame = np.linalg.qr(np.column_stack([shift_mm, rng.normal(size=(3, 2))]))[0].T
    along = 1.5 * length / ((1 - CORE) * STEEPEST) * rng.uniform(1.0, 1.2)
    return MovedRegion(center_mm, shift_mm, frame, np.array([along, *rng.uniform(40.0, 70.0, 2)]))


@dataclass(frozen=True, eq=False)
class Regions:
    """Several regions, which move one after the other."""

    regions: tuple[MovedRegion, ...]

    def move(self, points_mm: PointsMm) -> PointsMm:
        """Take places (n, 3) to where they go, mm."""
        for region in self.regions:
            points_mm = region.move(points_mm)
        return points_mm

    def move_back(self, moved_mm: PointsMm) -> PointsMm:
        """Take places (n, 3) back, mm."""
        for region in reversed(self.regions):
            moved_mm = region.move_back(moved_mm)
        return moved_mm
