"""The surroundings of a point on axial slices: fine near it, coarse and smooth farther out."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Hu, PointMm
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume

NEAR_MM, FAR_MM = 20.0, 54.0
NEAR_BLUR_MM, FAR_BLUR_MM = 0.7, 2.0
COARSE_MM = 2.0
BLEND_MM = (6.0, 16.0)
"""Distances between which sampling goes over from the fine to the coarse view."""


@dataclass(frozen=True, eq=False)
class View:
    """A study round a point.

    Args:
        near: blurred a little in plane; up to NEAR_MM from the point, on the study's own slices where these are axial.
        far: blurred by FAR_BLUR_MM; up to FAR_MM.
        noise_hu: standard deviation of the noise that is left in `near`.
    """

    near: Volume
    far: Volume
    noise_hu: float

    def along(self, center_mm: PointMm, directions: np.ndarray, radii_mm: np.ndarray) -> np.ndarray:
        """Return HU at radii (m,) along directions (n, 3) from a point: shape (n, m), float32."""
        points = center_mm + directions[:, None, :] * radii_mm[:, None]
        share = np.clip((BLEND_MM[1] - radii_mm) / (BLEND_MM[1] - BLEND_MM[0]), 0.0, 1.0)
        mixed = share * self._at(self.near, points) + (1 - share) * self._at(self.far, points)
        return np.asarray(mixed, dtype=np.float32)

    def median_near(self, center_mm: PointMm, radius_mm: float) -> float:
        """Return the median HU of a small ball."""
        steps = np.linspace(-radius_mm, radius_mm, 7)
        ball = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        return float(np.median(self._at(self.near, center_mm + ball[(ball**2).sum(axis=1) <= radius_mm**2])))

    @staticmethod
    def _at(volume: Volume, points_mm: np.ndarray) -> np.ndarray:
        index = volume.grid.indices_from_lps(points_mm.reshape(-1, 3)).T[::-1]
        values = ndimage.map_coordinates(volume.hu, index, order=1, mode="nearest")
        return np.asarray(values.reshape(points_mm.shape[:-1]))


def view_of(volume: Volume, center_mm: PointMm) -> View:
    """Return the surroundings of a point inside a study."""
    near = axial_part(volume, center_mm, NEAR_MM)
    spacing = near.grid.spacing_mm
    across = [NEAR_BLUR_MM / step for step in spacing[1::-1]]
    fine = Volume(ndimage.gaussian_filter(near.hu, [0.4, *across], truncate=3.0), near.grid)
    coarse = _coarse(axial_part(volume, center_mm, FAR_MM))
    blur = [
        FAR_BLUR_MM * share / step for share, step in zip((0.7, 1.0, 1.0), coarse.grid.spacing_mm[::-1], strict=True)
    ]
    far = Volume(ndimage.gaussian_filter(coarse.hu, blur, truncate=2.5), coarse.grid)
    return View(fine, far, _noise_hu(fine.hu, near.grid, center_mm))


def axial_part(volume: Volume, center_mm: PointMm, reach_mm: float) -> Volume:
    """Return what lies within reach of a point, its axes along x, y and z, float32.

    Its slices and voxels are those of the study wherever the study's own axes run along x, y and z.
    """
    across = np.argmax(np.abs(volume.grid.direction), axis=1)  # which index axis runs most along x, y, z
    spacing = volume.grid.spacing_mm[across]
    index = np.clip(np.rint(volume.grid.indices_from_lps(center_mm[None])), 0, np.array(volume.grid.size) - 1)
    middle = volume.grid.lps_from_indices(index)[0]
    low, high = volume.grid.bounds_mm()
    below = np.floor(np.minimum(reach_mm, middle - low) / spacing + 1e-3).astype(int)
    above = np.floor(np.minimum(reach_mm, high - middle) / spacing + 1e-3).astype(int)
    size = below + above + 1
    grid = Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), spacing, middle - below * spacing, np.eye(3))
    return resample(volume, grid)


def everywhere(grid: Grid) -> tuple[slice, slice, slice]:
    """Return the box (z, y, x) of all voxels of a grid."""
    x, y, z = grid.size
    return slice(0, z), slice(0, y), slice(0, x)


def points_of(grid: Grid, box: tuple[slice, slice, slice]) -> np.ndarray:
    """Return the LPS mm of the voxels of a box (z, y, x) of a grid along x, y and z: shape (z, y, x, 3)."""
    steps = [grid.origin_mm[a] + grid.spacing_mm[a] * np.arange(box[2 - a].start, box[2 - a].stop) for a in range(3)]
    z, y, x = np.meshgrid(steps[2], steps[1], steps[0], indexing="ij")
    return np.stack([x, y, z], axis=-1)


def _coarse(part: Volume) -> Volume:
    """Return the means of blocks of about COARSE_MM."""
    spacing = part.grid.spacing_mm
    factor = np.minimum(np.maximum(1, np.rint(COARSE_MM / spacing)).astype(int), part.grid.size)
    size = np.array(part.grid.size) // factor
    x, y, z = size * factor
    hu = part.hu[:z, :y, :x].reshape(size[2], factor[2], size[1], factor[1], size[0], factor[0]).mean(axis=(1, 3, 5))
    origin = part.grid.origin_mm + (factor - 1) / 2 * spacing
    return Volume(hu, Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), spacing * factor, origin, np.eye(3)))


def _noise_hu(hu: Hu, grid: Grid, center_mm: PointMm) -> float:
    """Return the noise (HU) within 10 mm: what second differences along x leave of it."""
    index = np.rint(grid.indices_from_lps(center_mm[None])[0]).astype(int)
    reach = np.maximum(3, (10.0 / grid.spacing_mm).astype(int))
    low, high = np.maximum(0, index - reach), index + reach + 1
    steps = np.diff(hu[low[2] : high[2], low[1] : high[1], low[0] : high[0]], 2, axis=2)
    return float(1.4826 * np.median(np.abs(steps)) / np.sqrt(6.0)) if steps.size else 0.0
