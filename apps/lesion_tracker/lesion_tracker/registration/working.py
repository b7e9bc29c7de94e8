"""What registration looks at: a volume averaged down to cubic voxels whose axes are x, y, z of LPS."""

import weakref
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Affine, Hu, Mask, PointMm
from lesion_tracker.registration.field import padding_of
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

EMPTY_HU = -1000.0
"""What stands where nothing was scanned, and later where the table was."""

KEPT_MM = 4.0
"""Means of a whole volume for voxels of this size and larger are kept as long as the volume lives: a hundredth of it."""

PADDED = 0.05
"""Where this share of what a voxel is averaged from was filled in, nothing was seen."""


@dataclass(frozen=True, eq=False)
class WorkingImage:
    """A volume on cubic, axis-parallel voxels.

    Args:
        hu: float32, shape (z, y, x), HU; `EMPTY_HU` outside the scan.
        seen: True where the scan covers the voxel's centre.
        origin_mm: LPS of the centre of voxel (0, 0, 0).
        spacing_mm: edge of a voxel in mm.
    """

    hu: Hu
    seen: Mask
    origin_mm: PointMm
    spacing_mm: float

    @property
    def grid(self) -> Grid:
        """The same lattice as a `Grid`."""
        return cubic_grid(self.origin_mm, np.array(self.hu.shape[::-1]), self.spacing_mm)


def cubic_grid(origin_mm: PointMm, count: np.ndarray, spacing_mm: float) -> Grid:
    """Return a grid of cubic voxels, axes along LPS, with `count` voxels along x, y, z."""
    x, y, z = (int(n) for n in count)
    return Grid.from_parts((x, y, z), np.full(3, float(spacing_mm)), origin_mm, np.eye(3))


def grid_of_box(low_mm: PointMm, high_mm: PointMm, spacing_mm: float) -> Grid:
    """Return the cubic grid centred on a box that fills it; at least one voxel along each axis."""
    count = np.maximum(np.round((high_mm - low_mm) / spacing_mm).astype(int) + 1, 1)
    return cubic_grid((low_mm + high_mm) / 2 - (count - 1) * spacing_mm / 2, count, spacing_mm)


def working_image(volume: Volume, spacing_mm: float) -> WorkingImage:
    """Average a whole volume down to cubic voxels of `spacing_mm`."""
    return sampled(volume, grid_of_box(*volume.grid.bounds_mm(), spacing_mm))


def sampled(volume: Volume, grid: Grid, volume_from_grid: Affine | None = None) -> WorkingImage:
    """Average a volume on a cubic grid.

    Args:
        volume: of any orientation.
        grid: cubic, axes along LPS.
        volume_from_grid: 4x4, takes LPS mm of the grid to LPS mm of the volume; identity if None.

    Returns:
        the image on that grid.
    """
    blocks, matrix = _blocks_on(volume, grid, volume_from_grid)
    values = interpolated(_means(volume, volume.hu, "hu", blocks, grid), matrix, grid.shape)
    seen = _seen(volume, blocks, matrix, grid)
    values[~seen] = EMPTY_HU
    return WorkingImage(np.maximum(values, np.float32(EMPTY_HU)), seen, grid.origin_mm, float(grid.spacing_mm[0]))


def seen_on(volume: Volume, grid: Grid, volume_from_grid: Affine) -> Mask:
    """Return where the scan of a volume covers a grid, as `sampled` says it."""
    return _seen(volume, *_blocks_on(volume, grid, volume_from_grid), grid)


def _seen(volume: Volume, blocks: "_Blocks", matrix: Affine, grid: Grid) -> Mask:
    seen = _inside(matrix, grid.shape, blocks.count)
    padding = padding_of(volume)
    if padding is not None:
        means = _means(volume, padding, "padding", blocks, grid)
        seen &= interpolated(means, matrix, grid.shape) < PADDED
    return seen


_kept: "weakref.WeakKeyDictionary[Volume, dict[tuple[str, tuple[int, ...]], np.ndarray]]" = weakref.WeakKeyDictionary()


def _means(volume: Volume, array: np.ndarray, name: str, blocks: "_Blocks", grid: Grid) -> np.ndarray:
    """Return the means of the blocks of a volume's array; of large voxels, all of its blocks are made once and kept."""
    if float(grid.spacing_mm[0]) < KEPT_MM:
        return blocks.means(array)
    kept = _kept.setdefault(volume, {})
    key = name, tuple(int(f) for f in blocks.factor)
    if key not in kept:
        none = np.zeros(3, dtype=int)
        kept[key] = replace(blocks, first=none, count=np.array(volume.grid.size) // blocks.factor).means(array)
    first = blocks.first // blocks.factor
    i, j, k = (slice(int(a), int(b)) for a, b in zip(first, first + blocks.count, strict=True))
    return kept[key][k, j, i]


def _blocks_on(volume: Volume, grid: Grid, volume_from_grid: Affine | None) -> tuple["_Blocks", Affine]:
    """Return the blocks that a grid needs, and the matrix from an index (x, y, z) of the grid to a block's (i, j, k)."""
    lps_from_index = (np.eye(4) if volume_from_grid is None else volume_from_grid) @ grid.lps_from_index
    blocks = _blocks(volume.grid, float(grid.spacing_mm[0]), lps_from_index, np.array(grid.size))
    return blocks, np.asarray(blocks.index_from_lps @ lps_from_index)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Blocks of voxels, whose means are what is sampled.

    Args:
        first: (i, j, k) of the first voxel of the first block; whole blocks from the volume's first voxel on.
        factor: voxels in a block along i, j, k.
        count: blocks along i, j, k.
        index_from_lps: 4x4, LPS mm to block index (i, j, k).
    """

    first: np.ndarray
    factor: np.ndarray
    count: np.ndarray
    index_from_lps: Affine

    def means(self, array: np.ndarray) -> np.ndarray:
        """Return float32 means of the blocks of an array (z, y, x)."""
        last = self.first + self.count * self.factor
        i, j, k = (slice(int(a), int(b)) for a, b in zip(self.first, last, strict=True))
        return block_means(array[k, j, i], tuple(int(f) for f in self.factor[::-1]))


def block_means(array: np.ndarray, factor: tuple[int, ...]) -> np.ndarray:
    """Return float32 means of blocks of so many voxels along each axis, which the shape is a multiple of."""
    for axis, f in enumerate(factor):
        if f > 1:  # sums of every f-th plane: a reduction over so short an axis takes several times longer
            planes = [tuple([slice(None)] * axis + [slice(n, None, f)]) for n in range(f)]
            total = array[planes[0]].astype(np.float32)
            for plane in planes[1:]:
                total += array[plane]
            array = total / np.float32(f)
    return array.astype(np.float32, copy=False)


def _blocks(volume: Grid, spacing_mm: float, lps_from_index: Affine, count: np.ndarray) -> _Blocks:
    """Return the blocks of a volume's voxels round what a grid of `count` voxels needs."""
    size = np.array(volume.size)
    factor = np.maximum(np.floor(spacing_mm / volume.spacing_mm + 0.25).astype(int), 1)
    factor = np.minimum(factor, size)
    far = count - 1.0
    corners = np.array([[x, y, z] for x in (0.0, far[0]) for y in (0.0, far[1]) for z in (0.0, far[2])])
    index = volume.indices_from_lps(corners @ lps_from_index[:3, :3].T + lps_from_index[:3, 3])
    first = np.clip(np.floor(index.min(axis=0)).astype(int) - factor, 0, size - factor) // factor * factor
    wanted = np.ceil((index.max(axis=0) + 1 - first) / factor).astype(int) + 1
    block_from_voxel = np.eye(4)
    block_from_voxel[:3, :3] = np.diag(1 / factor)
    block_from_voxel[:3, 3] = -(first + (factor - 1) / 2) / factor
    blocks = np.clip(wanted, 1, (size - first) // factor)
    return _Blocks(first, factor, blocks, np.asarray(block_from_voxel @ np.linalg.inv(volume.lps_from_index)))


def interpolated(values: np.ndarray, matrix: Affine, shape: tuple[int, int, int]) -> np.ndarray:
    """Return float32 values at every output index (x, y, z), which `matrix` (4x4) takes to an index of `values`."""
    linear = matrix[2::-1, 2::-1]
    straight = np.abs(linear - np.diag(np.diag(linear))).max() < 1e-9  # axis by axis, which is twice as fast
    return np.asarray(
        ndimage.affine_transform(
            values,
            np.diag(linear) if straight else linear,
            offset=matrix[2::-1, 3],
            output_shape=shape,
            order=1,
            mode="nearest",
            output=np.float32,
        )
    )


def _inside(matrix: Affine, shape: tuple[int, int, int], size: np.ndarray) -> Mask:
    """Say which output voxels lie within the outer faces of the blocks."""
    z, y, x = (np.arange(n, dtype=np.float64) for n in shape)
    inside = np.ones(shape, dtype=bool)
    for axis in range(3):
        along_x, along_y, along_z = matrix[axis, 0] * x, matrix[axis, 1] * y, matrix[axis, 2] * z + matrix[axis, 3]
        index = along_x[None, None, :] + along_y[None, :, None] + along_z[:, None, None]
        inside &= (index >= -0.5 - 1e-6) & (index <= size[axis] - 0.5 + 1e-6)
    return inside
