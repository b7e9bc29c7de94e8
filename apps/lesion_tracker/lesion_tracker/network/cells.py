"""One definition of where a cell is: it draws the training target and it decodes the answer."""

import numpy as np
import torch

from lesion_tracker.arrays import Indices, PointMm, PointsMm
from lesion_tracker.network.anatomy_signal import anatomy_signal
from lesion_tracker.network.lattice import cell_grid
from lesion_tracker.volumes.grid import Grid


def lps_from_cell(search_grid: Grid, cells: Indices) -> PointsMm:
    """Take continuous cells (i, j, k) = (x, y, z) of a search crop's score map to LPS mm.

    Args:
        search_grid: the search crop.
        cells: shape (n, 3); whole numbers are the centres of cells.
    """
    return cell_grid(search_grid).lps_from_indices(cells)


def nearest_cell(search_grid: Grid, center_mm: PointMm) -> tuple[int, int, int]:
    """Return the cell (z, y, x) whose centre is nearest to an LPS point, inside the score map."""
    cells = cell_grid(search_grid)
    index = np.round(cells.indices_from_lps(np.asarray(center_mm)[None])[0])
    i, j, k = np.clip(index, 0, np.array(cells.size) - 1).astype(int)
    return int(k), int(j), int(i)


def score_target(search_grid: Grid, center_mm: PointMm, radius_mm: float) -> torch.Tensor:
    """Draw the target Y = G(center, radius) at the centres of the cells; the nearest cell is exactly 1, no other is.

    Args:
        search_grid: the search crop.
        center_mm: of the lesion, LPS; where it lies beyond the crop, the nearest cell of the crop is 1.
        radius_mm: of the lesion: the standard deviation.

    Returns:
        Shape (z, y, x), float32, in [0, 1].

    Source: section 4.1 of Cai et al., Deep Lesion Tracker, CVPR 2021; with a centre between cells none would be 1.
    """
    target = anatomy_signal(cell_grid(search_grid), center_mm, radius_mm, n=1.0).clamp_max(1 - 1e-6)
    target[nearest_cell(search_grid, center_mm)] = 1.0
    return target
