"""Where crops and their cells lie in the patient: template crops round a lesion, search crops on a study's lattice."""

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.config import SPACING_MM, STRIDES, TEMPLATE_VOXELS
from lesion_tracker.volumes.grid import Grid

CELL_VOXELS = np.array(STRIDES[0])
"""Voxels (x, y, z) that one cell of the score map covers."""

BLOCK_VOXELS = np.array(STRIDES[2])
"""Voxels (x, y, z) that one cell of the coarsest scale covers: crops start and end on these."""


def crop_grid(origin_mm: PointMm, size_voxels: tuple[int, int, int]) -> Grid:
    """Return an LPS-aligned lattice at the network's spacing.

    Args:
        origin_mm: LPS centre of the first voxel.
        size_voxels: along x, y, z.
    """
    return Grid.from_parts(size_voxels, np.array(SPACING_MM), np.asarray(origin_mm, dtype=np.float64), np.eye(3))


def cell_grid(grid: Grid) -> Grid:
    """Return the lattice of the cells of the score map of a crop; a cell's centre is the middle of its voxels.

    This is the one place that says where a cell lies: anatomy signals, training targets and answers all come from it.
    """
    size = np.array(grid.size) // CELL_VOXELS
    middle = grid.lps_from_indices(((CELL_VOXELS - 1) / 2)[None])[0]
    return Grid.from_parts(tuple(int(n) for n in size), grid.spacing_mm * CELL_VOXELS, middle, grid.direction)  # type: ignore[arg-type]


def template_grid(center_mm: PointMm) -> Grid:
    """Return the template crop with `center_mm` exactly in the middle of the cell that the kernels are cut round."""
    cell = np.array(TEMPLATE_VOXELS) // 2 // CELL_VOXELS
    voxel = cell * CELL_VOXELS + (CELL_VOXELS - 1) / 2
    return crop_grid(np.asarray(center_mm) - voxel * np.array(SPACING_MM), TEMPLATE_VOXELS)


def search_voxels(reach_mm: float) -> tuple[int, int, int]:
    """Return the smallest search crop, in voxels along x, y, z, that reaches so far to either side along every axis."""
    blocks = np.ceil(2 * reach_mm / (BLOCK_VOXELS * np.array(SPACING_MM)) - 1e-9).astype(int)
    x, y, z = (int(n) for n in blocks * BLOCK_VOXELS)
    return x, y, z


def search_grid(center_mm: PointMm, size_voxels: tuple[int, int, int]) -> Grid:
    """Return a search crop with `center_mm` near its middle, on the study's lattice.

    The lattice has its nodes at whole blocks of 12.8 x 12.8 x 4.0 mm from LPS (0, 0, 0), so that crops of one study
    share their features, and shifting the wanted centre by a few voxels changes no answer.

    Raises:
        ValueError: if a size is no positive multiple of (16, 16, 2) voxels.
    """
    size = np.array(size_voxels)
    if (size < BLOCK_VOXELS).any() or (size % BLOCK_VOXELS).any():
        raise ValueError(
            f"a search crop must be a multiple of {tuple(BLOCK_VOXELS)} voxels (x, y, z), got {size_voxels}"
        )
    block_mm = BLOCK_VOXELS * np.array(SPACING_MM)
    first = np.asarray(center_mm) - size * np.array(SPACING_MM) / 2
    origin = np.round(first / block_mm) * block_mm
    return crop_grid(origin, size_voxels)


def cells_of(center_cell: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Return the cell (z, y, x) that holds a cell of the finest scale, at each of the three scales."""
    z, y, x = center_cell
    fx, fy, fz = STRIDES[0]
    return [(z * fz // sz, y * fy // sy, x * fx // sx) for sx, sy, sz in STRIDES]
