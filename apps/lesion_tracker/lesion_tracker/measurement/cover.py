"""An outline to the voxels of a grid that lie within it."""

import numpy as np
from matplotlib.path import Path as Polygon

from lesion_tracker.arrays import Mask
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.volumes.grid import Grid


def cover_of(measurement: Measurement, grid: Grid) -> Mask:
    """Return which voxels of a grid lie within an outline: their centres, in the nearest slice that it has.

    Holes count as inside, and a voxel farther than half of the outline's own distance of slices from any is outside.

    Args:
        measurement: with an outline.
        grid: of the study; oblique ones, too.
    """
    covered = np.zeros(grid.shape, dtype=bool)
    if not measurement.outline:
        return covered
    outer = [np.array(ring) for ring in measurement.outline]
    planes = np.unique([ring[0, 2] for ring in outer])
    half_mm = float(np.diff(planes).min()) / 2 if len(planes) > 1 else float(grid.spacing_mm.max()) / 2
    points = np.concatenate(outer)
    corners = np.stack(np.meshgrid(*zip(points.min(0) - half_mm, points.max(0) + half_mm, strict=True)), -1).reshape(
        -1, 3
    )
    index = grid.indices_from_lps(corners)
    low = np.clip(np.floor(index.min(axis=0)).astype(int), 0, grid.size)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, 0, grid.size)
    k, j, i = np.meshgrid(*(np.arange(low[a], high[a]) for a in (2, 1, 0)), indexing="ij")
    places = grid.lps_from_indices(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    inside = np.zeros(len(places), dtype=bool)
    for ring in outer:
        near = np.flatnonzero(np.abs(places[:, 2] - ring[0, 2]) <= half_mm * (1 + 1e-6))
        inside[near] |= Polygon(ring[:, :2]).contains_points(places[near, :2])
    covered[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = inside.reshape(k.shape)
    return covered
