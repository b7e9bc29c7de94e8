"""A CT volume: Hounsfield units on a grid in LPS mm."""

from dataclasses import dataclass, field

import numpy as np

from lesion_tracker.arrays import Hu
from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.grid import Grid

AIR_HU = -1024.0
"""What lies outside every volume."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT volume.

    Args:
        hu: shape (z, y, x) = (slices, rows, columns); int16 or float32; HU.
        grid: where its voxels lie (LPS mm).
        warnings: what is odd about it without being wrong; shown with every answer.

    Raises:
        StudyError: if the array does not fit the grid.
    """

    hu: Hu
    grid: Grid
    warnings: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse an array that does not fit the grid; make it read-only."""
        if self.hu.shape != self.grid.shape:
            raise StudyError(f"the array has shape {self.hu.shape}, but its grid says {self.grid.shape} (z, y, x)")
        view = np.ascontiguousarray(self.hu).view()
        view.setflags(write=False)
        object.__setattr__(self, "hu", view)
