"""A drawn study in which axes are known: balls of soft tissue in air, blurred by a voxel, with a little noise."""

import numpy as np

from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

BALL, OTHER = (0.0, 0.0, 40.0), (24.0, 0.0, 40.0)
"""Places of the two balls, LPS mm."""

OTHER_RADIUS_MM = 6.0


def balls(radius_mm: float, *, other: bool = False) -> Volume:
    """Return 86 × 72 × 80 mm with one ball, or with a second one of 6 mm."""
    grid = Grid.from_parts((72, 60, 32), np.array([1.2, 1.2, 2.5]), np.array([-43.0, -36.0, 0.0]), np.eye(3))
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(np.float64))
    hu = np.full(len(points), -850.0)
    for center, radius in [(BALL, radius_mm), *([(OTHER, OTHER_RADIUS_MM)] if other else [])]:
        depth = radius - np.linalg.norm(points - np.array(center), axis=1)
        hu = np.maximum(hu, -850.0 + 900.0 * np.clip(depth / 1.2 + 0.5, 0.0, 1.0))
    noise = np.random.default_rng(1).normal(0.0, 8.0, len(points))
    return Volume((hu + noise).reshape(grid.shape).astype(np.int16), grid)
