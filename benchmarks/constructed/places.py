"""Where lesions can be in a study: structures that are well defined in all directions, and room for implants."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from benchmarks.constructed.image import without_table
from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume

STEP_MM = 3.0
WINDOWS_HU = ((-1000.0, -300.0), (-160.0, 300.0))
STRUCTURES = 500
"""So many of the best-defined structures of a study are used."""
APART_MM = 12.0
LUNG_HU, BONE_HU = -500.0, 180.0
AIR_BELOW_HU = -960.0
"""Air round the body; most of the lung is denser."""


@dataclass(frozen=True, eq=False)
class Places:
    """A coarse view of a study.

    Args:
        grid: of the view, LPS-aligned.
        hu: of the study on it.
        depth_mm: distance to the skin, negative or 0 outside of the body.
        room_mm: distance to the nearest border between lung, soft tissue and bone.
        structures_mm: LPS points (n, 3) on structures, the best-defined first.
    """

    grid: Grid
    hu: np.ndarray
    depth_mm: np.ndarray
    room_mm: np.ndarray
    structures_mm: PointsMm

    def at(self, values: np.ndarray, point_mm: PointMm) -> float:
        """Return what one of the maps says at an LPS point (0 beyond the study)."""
        index = self.grid.indices_from_lps(np.asarray(point_mm)[None])[0][::-1]
        return float(ndimage.map_coordinates(values, index[:, None], order=1, mode="constant", cval=0.0)[0])

    def structure(self, rng: np.random.Generator) -> PointMm:
        """Draw a point on a structure."""
        return np.asarray(self.structures_mm[rng.integers(len(self.structures_mm))])

    def room(self, rng: np.random.Generator) -> PointMm:
        """Draw a point in the body with at least 4 mm of the same kind of tissue round it and 8 mm below the skin."""
        candidates = np.argwhere((self.depth_mm > 8) & (self.room_mm > 4))
        k, j, i = candidates[rng.integers(len(candidates))] + rng.uniform(-0.5, 0.5, 3)
        return self.grid.lps_from_indices(np.array([[i, j, k]]))[0]


def find_places(volume: Volume) -> Places:
    """Look where lesions can be in a study.

    Raises:
        ValueError: if there is no body, or nothing in it that is well defined.
    """
    bare = Volume(without_table(volume), volume.grid)
    low, high = volume.grid.bounds_mm()
    size = np.maximum(np.floor((high - low) / STEP_MM).astype(int) + 1, 2)
    grid = Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), np.full(3, STEP_MM), low, np.eye(3))
    hu = np.array(resample(bare, grid).hu)
    inside = ~_outside_air(hu)
    depth = np.stack([ndimage.distance_transform_edt(np.pad(plane, 1))[1:-1, 1:-1] for plane in inside]) * STEP_MM
    kind = np.digitize(hu, [LUNG_HU, BONE_HU])
    room = np.zeros(hu.shape)
    for one in range(3):
        room = np.maximum(room, ndimage.distance_transform_edt(kind == one) * STEP_MM)
    definition = sum(_definition(hu, window) for window in WINDOWS_HU)
    structures = _maxima(np.where(depth > 10, definition, 0.0))
    if len(structures) < 20:
        raise ValueError(f"only {len(structures)} well-defined structures were found: is this a CT of a body?")
    return Places(grid, hu, depth, room, grid.lps_from_indices(structures[:, ::-1]))


def _outside_air(hu: np.ndarray) -> np.ndarray:
    """Return the air that is connected with the sides of the picture; arms over the head enclose some in single slices."""
    padded = np.pad(hu < AIR_BELOW_HU, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    labels, _ = ndimage.label(padded)
    return np.asarray((labels == labels[0, 0, 0])[:, 1:-1, 1:-1])


def _definition(hu: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Return how well each place is defined in its worst direction: the gradients' second moments."""
    seen = (np.clip(hu, *window) - window[0]) / (window[1] - window[0])
    gradient = [ndimage.gaussian_filter1d(seen, 1.0, axis, order=1) for axis in range(3)]
    moment = np.empty((*hu.shape, 3, 3), dtype=np.float32)
    for a in range(3):
        for b in range(a, 3):
            moment[..., a, b] = moment[..., b, a] = ndimage.gaussian_filter(gradient[a] * gradient[b], 1.5)
    return np.asarray(np.cbrt(np.maximum(np.linalg.det(moment), 0.0)))


def _maxima(values: np.ndarray) -> np.ndarray:
    """Return the indices (z, y, x) of the highest local maxima, away from the border."""
    width = 2 * int(APART_MM / STEP_MM / 2) + 1
    top = (values == ndimage.maximum_filter(values, width)) & (values > 0)
    edge = np.zeros_like(top)
    edge[2:-2, 2:-2, 2:-2] = True
    found = np.argwhere(top & edge)
    order = np.argsort(-values[tuple(found.T)], kind="stable")
    return np.asarray(found[order[:STRUCTURES]])
