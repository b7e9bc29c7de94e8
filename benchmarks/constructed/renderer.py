"""Render a follow-up: sample the baseline where the exact map says, one thin slice after the other."""

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.constructed.map import ConstructedMap
from lesion_tracker.arrays import Hu, PointsMm
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import AIR_HU, Volume

LATTICE_MM = 3.0
"""Pose and deformation are computed exactly on this lattice and linearly between: off by less than 0.05 mm."""


class Renderer:
    """A baseline and a map, ready to render slices of the follow-up.

    Args:
        baseline: float32 HU.
        exact: the map; its growth is evaluated exactly at every voxel that it moves.
    """

    def __init__(self, baseline: Volume, exact: ConstructedMap) -> None:
        self._grid = baseline.grid
        self._map = exact
        self._hu = (torch.from_numpy(np.array(baseline.hu, dtype=np.float32)) - AIR_HU)[None, None]

    def render(self, grid: Grid, subslices: int) -> Hu:
        """Return the follow-up on `grid` (along the LPS axes), float32 HU, each slice the mean of `subslices`."""
        xs, ys, zs = (grid.origin_mm[a] + grid.spacing_mm[a] * np.arange(grid.size[a]) for a in range(3))
        lattice = _Lattice(self._map, xs, ys)
        offsets = ((np.arange(subslices) + 0.5) / subslices - 0.5) * grid.spacing_mm[2]
        hu = np.empty(grid.shape, dtype=np.float32)
        for k, z in enumerate(zs):
            hu[k] = np.mean([self._slice(lattice, z + offset) for offset in offsets], axis=0) + AIR_HU
        return hu

    def _slice(self, lattice: "_Lattice", z_mm: float) -> np.ndarray:
        nodes_mm = lattice.nodes(z_mm)
        unit = lattice.to_pixels(self._unit(nodes_mm.reshape(-1, 3)).reshape(nodes_mm.shape))
        self._grow(unit, lattice, nodes_mm)
        along_z = int(np.argmax(np.abs(self._grid.direction[2])))
        edge = 1 - 1 / self._grid.size[along_z]  # the centre of the outermost slice in grid_sample's units
        np.clip(unit[..., along_z], -edge, edge, out=unit[..., along_z])
        sampled = F.grid_sample(self._hu, torch.from_numpy(unit)[None, None], align_corners=False, padding_mode="zeros")
        return sampled[0, 0, 0].numpy()

    def _unit(self, baseline_mm: PointsMm) -> np.ndarray:
        return (2 * self._grid.indices_from_lps(baseline_mm) + 1) / np.array(self._grid.size) - 1

    def _grow(self, unit: np.ndarray, lattice: "_Lattice", nodes_mm: np.ndarray) -> None:
        reaches = [(np.array(growth.center_mm), growth.outer_mm) for growth in self._map.growth]
        margin_mm = 3 * LATTICE_MM
        if not any(np.linalg.norm(nodes_mm - c, axis=-1).min() < reach + margin_mm for c, reach in reaches):
            return
        points_mm = lattice.to_pixels(nodes_mm).astype(np.float64)
        moving = np.zeros(points_mm.shape[:2], dtype=bool)
        for center, reach in reaches:
            moving |= np.linalg.norm(points_mm - center, axis=-1) < reach + margin_mm
        moved_mm = points_mm[moving]
        for growth in self._map.growth:
            moved_mm = growth.shrink(moved_mm)
        unit[moving] = self._unit(moved_mm)


class _Lattice:
    def __init__(self, exact: ConstructedMap, xs: np.ndarray, ys: np.ndarray) -> None:
        self._map = exact
        self._nodes_x, self._weights_x = _linear_weights(xs)
        self._nodes_y, self._weights_y = _linear_weights(ys)

    def nodes(self, z_mm: float) -> np.ndarray:
        """Return the baseline positions, before growth, of the plane's nodes, shape (nodes y, nodes x, 3), mm."""
        y, x = np.meshgrid(self._nodes_y, self._nodes_x, indexing="ij")
        plane: PointsMm = np.stack([x.ravel(), y.ravel(), np.full(x.size, z_mm)], axis=1)
        return self._map.before_growth(plane).reshape(*x.shape, 3)

    def to_pixels(self, values: np.ndarray) -> np.ndarray:
        """Interpolate values at the nodes to the pixels, shape (rows, columns, 3), float32."""
        of_axis = [self._weights_y @ values[..., axis].astype(np.float32) @ self._weights_x.T for axis in range(3)]
        return np.stack(of_axis, axis=-1)


def _linear_weights(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes that span `values` and the matrix that interpolates from the nodes to the values."""
    count = max(2, int(np.ceil((values[-1] - values[0]) / LATTICE_MM)) + 1)
    nodes = values[0] + (max(values[-1] - values[0], 1.0) / (count - 1)) * np.arange(count)
    position = (values - nodes[0]) / (nodes[1] - nodes[0])
    weights = np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(count)[None]))
    return nodes, weights.astype(np.float32)
