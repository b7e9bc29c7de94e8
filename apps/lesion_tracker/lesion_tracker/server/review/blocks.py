"""What the large view loads once and then scrolls through by itself: a block of voxels, and a piece of a point map."""

import gzip
import json
from typing import Any

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.report.planes import BEYOND_HU, window_for
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume

MOST_VOXELS = 8_000_000
"""16 MB as they are sent; of a larger block fewer and thicker voxels are sent."""

MAP_STEP_MM = 10.0
MAP_STEPS = 16
"""Of a wider piece of a map the steps are longer."""


def spacing_of(grid: Grid) -> tuple[float, float, float]:
    """Return how far neighbouring voxels lie apart along x, y and z of the patient, mm (of tilted grids roughly)."""
    along = np.abs(grid.direction)
    x, y, z = (float(grid.spacing_mm[int(np.argmax(along[axis]))]) for axis in range(3))
    return x, y, z


def block_grid(grid: Grid, center_mm: PointMm, width_mm: float) -> Grid:
    """Return the lattice of a block: along x, y and z of the patient, as wide as asked, no farther than the study.

    Where the study's axes are the patient's, its nodes are the study's own voxels: nothing is interpolated.

    Args:
        grid: of the study.
        center_mm: LPS; a point outside is taken to the nearest border.
        width_mm: of the block, along each axis.
    """
    low, high = grid.bounds_mm()
    spacing = np.array(spacing_of(grid))
    inside = np.clip(center_mm, low, high)
    nearest = np.clip(np.rint(grid.indices_from_lps(inside[None])), 0, np.array(grid.size) - 1)
    anchor = grid.lps_from_indices(nearest)[0]
    first = np.ceil(np.maximum(low - anchor, -width_mm / 2) / spacing - 1e-6)
    last = np.floor(np.minimum(high - anchor, width_mm / 2) / spacing + 1e-6)
    size = np.maximum(last - first, 0) + 1
    coarser = max(1.0, float(np.cbrt(size.prod() / MOST_VOXELS)))
    origin = anchor + np.minimum(first, last) * spacing
    counts = np.maximum(np.floor(size / coarser), 1).astype(int)
    return Grid.from_parts((int(counts[0]), int(counts[1]), int(counts[2])), spacing * coarser, origin, np.eye(3))


def block(volume: Volume, center_mm: PointMm, width_mm: float, radius_mm: float) -> tuple[bytes, dict[str, str]]:
    """Return the voxels of a block, int16 HU, x fastest, with gzip; and what the view must know of them as headers.

    Args:
        volume: any orientation.
        center_mm: LPS.
        width_mm: of the block.
        radius_mm: of the lesion, which decides for the automatic window.
    """
    grid = block_grid(volume.grid, center_mm, width_mm)
    hu = np.rint(resample(volume, grid, BEYOND_HU).hu).astype("<i2")
    low, high = volume.grid.bounds_mm()
    window = window_for(volume, center_mm, radius_mm)
    facts = {
        "size": grid.size,
        "origin": grid.origin_mm.round(4).tolist(),
        "spacing": grid.spacing_mm.round(6).tolist(),
        "low": low.round(4).tolist(),
        "high": high.round(4).tolist(),
        "window": [window.center_hu, window.width_hu],
    }
    return gzip.compress(hu.tobytes(), 1), {"X-Block": json.dumps(facts), "Content-Encoding": "gzip"}


def map_piece(found: FollowupFromBaseline, center_mm: PointMm, width_mm: float) -> dict[str, Any]:
    """Return a map on a lattice round a point of the baseline: where each node lies in the follow-up, LPS mm, x fastest.

    Args:
        found: the map.
        center_mm: LPS mm of the baseline.
        width_mm: of the piece.
    """
    step = max(MAP_STEP_MM, width_mm / MAP_STEPS)
    count = 2 * int(np.ceil(width_mm / 2 / step)) + 1
    origin = np.asarray(center_mm) - step * (count - 1) / 2
    grid = Grid.from_parts((count, count, count), np.full(3, step), origin, np.eye(3))
    k, j, i = np.indices(grid.shape).reshape(3, -1)
    places = found(grid.lps_from_indices(np.stack([i, j, k], axis=1).astype(np.float64)))
    return {
        "method": found.method,
        "size": grid.size,
        "origin": origin.round(4).tolist(),
        "spacing": [step] * 3,
        "places": places.round(2).ravel().tolist(),
        "expected_mm": found(np.asarray(center_mm)[None])[0].round(4).tolist(),
    }
