"""The exact map of a follow-up in which regions have moved against their surroundings, on top of pose and deformation."""

from dataclasses import dataclass, field

import numpy as np

from benchmarks.constructed.map import ConstructedMap
from benchmarks.constructed.moved_region import Regions
from lesion_tracker.arrays import PointsMm


@dataclass(frozen=True, eq=False)
class RegionMap(ConstructedMap):
    """Baseline to follow-up: smooth deformation, then the regions, then the pose.

    Args:
        regions: in coordinates after the deformation and before the pose.
    """

    regions: Regions = field(default_factory=lambda: Regions(()))

    def before_growth(self, followup_mm: PointsMm) -> PointsMm:
        """Take follow-up points back through pose, regions and deformation, mm."""
        unposed = (followup_mm - self.pivot_mm - self.shift_mm) @ self.rotation + self.pivot_mm
        return self.field.move(self.regions.move_back(unposed))

    def followup_from_baseline(self, baseline_mm: PointsMm) -> PointsMm:
        """Take baseline points, shape (n, 3) in LPS mm, to the follow-up; exact to 0.001 mm."""
        points_mm = np.asarray(baseline_mm, dtype=np.float64)
        for growth in reversed(self.growth):
            points_mm = growth.grow(points_mm)
        return self.posed(self.regions.move(self.field.move_back(points_mm)))

    def moved_mm(self, baseline_mm: PointsMm) -> np.ndarray:
        """Return how far the regions move baseline points, shape (n, 3), against the rest of the body: (n,) mm."""
        smooth = self.field.move_back(np.asarray(baseline_mm, dtype=np.float64))
        return np.asarray(np.linalg.norm(self.regions.move(smooth) - smooth, axis=1))
