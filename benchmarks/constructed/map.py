"""The exact point map of a constructed follow-up, both ways: pose, smooth deformation, growth of lesions."""

from dataclasses import dataclass

import numpy as np

from benchmarks.constructed.deformation import SmoothField
from benchmarks.constructed.growth import Growth
from lesion_tracker.arrays import PointMm, PointsMm


def rotation_matrix(rotation_deg: PointMm) -> np.ndarray:
    """Return the 3x3 matrix that turns about LPS x, then y, then z by these angles in degrees."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(rotation_deg)):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[second, first] = np.sin(angle)
        turn[first, second] = -turn[second, first]
        matrix = turn @ matrix
    return matrix


@dataclass(frozen=True, eq=False)
class ConstructedMap:
    """Where a point of the baseline lies in the constructed follow-up, and back.

    The follow-up is made backwards: pose, then deformation, then growth take its points to the baseline in closed form.

    Args:
        rotation: 3x3, about `pivot_mm`; takes baseline to follow-up.
        pivot_mm: LPS, mm, in the baseline.
        shift_mm: LPS, mm, after the rotation.
        field: the smooth deformation.
        growth: lesions that change their size.
    """

    rotation: np.ndarray
    pivot_mm: PointMm
    shift_mm: PointMm
    field: SmoothField
    growth: tuple[Growth, ...]

    def posed(self, points_mm: PointsMm) -> PointsMm:
        """Take points by the pose alone (rotation and shift) from the baseline to the follow-up, mm."""
        return np.asarray((points_mm - self.pivot_mm) @ self.rotation.T + self.pivot_mm + self.shift_mm)

    def before_growth(self, followup_mm: PointsMm) -> PointsMm:
        """Take follow-up points back through pose and deformation, mm."""
        unposed = (followup_mm - self.pivot_mm - self.shift_mm) @ self.rotation + self.pivot_mm
        return self.field.move(unposed)

    def baseline_from_followup(self, followup_mm: PointsMm) -> PointsMm:
        """Take follow-up points, shape (n, 3) in LPS mm, to the baseline; exact."""
        points_mm = self.before_growth(np.asarray(followup_mm, dtype=np.float64))
        for growth in self.growth:
            points_mm = growth.shrink(points_mm)
        return points_mm

    def followup_from_baseline(self, baseline_mm: PointsMm) -> PointsMm:
        """Take baseline points, shape (n, 3) in LPS mm, to the follow-up; exact to 0.001 mm."""
        points_mm = np.asarray(baseline_mm, dtype=np.float64)
        for growth in reversed(self.growth):
            points_mm = growth.grow(points_mm)
        return self.posed(self.field.move_back(points_mm))
