"""A small drawn volume for tests that need DICOM files and no anatomy."""

import numpy as np

from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume


def small_volume(slices: int = 12, step_mm: float = 3.0, first_mm: float = 0.0) -> Volume:
    """Return a block of 24 × 20 pixels of 2 mm, `slices` slices `step_mm` apart, the first at z = `first_mm`."""
    grid = Grid.from_parts(
        (24, 20, slices), np.array([2.0, 2.0, step_mm]), np.array([-20.0, -10.0, first_mm]), np.eye(3)
    )
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    return Volume((10 * i + 3 * j + k).astype(np.int16), grid)
