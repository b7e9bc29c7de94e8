"""Linear resampling of a volume on any grid, by torch, reading only the voxels that the grid touches."""

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.lattices import CPU, voxels_on
from lesion_tracker.volumes.volume import AIR_HU, Volume


def resample(volume: Volume, grid: Grid, fill_hu: float = AIR_HU) -> Volume:
    """Return `volume` on `grid` (float32 HU): trilinear inside, `fill_hu` outside of the outer voxel centres.

    Both grids may point anywhere; cost and memory follow the size of `grid`, not of the volume.

    Args:
        volume: HU on its grid.
        grid: the lattice wanted, LPS mm.
        fill_hu: what lies beyond the volume; it blends in over the last voxel.
    """
    return Volume(resampled(volume, grid, CPU, fill_hu).numpy(), grid, volume.warnings)


def resampled(volume: Volume, grid: Grid, device: torch.device, fill_hu: float = AIR_HU) -> torch.Tensor:
    """Return the HU of `resample`, (z, y, x), computed on a device, which keeps the study if it is not the processor."""
    index_from_index = volume.grid.index_from_lps @ grid.lps_from_index
    axes = parallel_axes(index_from_index[:3, :3], grid.size)
    if axes is not None:
        return _along_axes(volume, index_from_index, axes, grid.size, fill_hu, device)
    nx, ny, nz = grid.size
    steps = [torch.arange(n, dtype=torch.float64) for n in (nx, ny, nz)]
    columns = torch.from_numpy(index_from_index)
    index = (
        columns[:3, 3]
        + steps[0][None, None, :, None] * columns[:3, 0]
        + steps[1][None, :, None, None] * columns[:3, 1]
        + steps[2][:, None, None, None] * columns[:3, 2]
    )
    return sample_at_index(volume.hu, index.to(torch.float32), fill_hu).to(device)


def sample_at_index(hu: np.ndarray, index: torch.Tensor, fill_hu: float = AIR_HU) -> torch.Tensor:
    """Interpolate an array at continuous indices, on the processor.

    Args:
        hu: shape (z, y, x), HU.
        index: shape (z', y', x', 3), each (i, j, k) into `hu`.
        fill_hu: the value outside.

    Returns:
        Shape (z', y', x'), float32.
    """
    size = np.array(hu.shape[::-1])
    flat = index.reshape(-1, 3)
    low = np.clip(np.floor(flat.amin(0).numpy()).astype(int), 0, size - 1)
    high = np.clip(np.ceil(flat.amax(0).numpy()).astype(int), low, size - 1)
    if (flat.amax(0).numpy() <= -1).any() or (flat.amin(0).numpy() >= size).any():
        return torch.full(index.shape[:3], fill_hu, dtype=torch.float32)
    part = hu[low[2] : high[2] + 1, low[1] : high[1] + 1, low[0] : high[0] + 1]
    source = torch.from_numpy(np.array(part, dtype=np.float32)) - fill_hu
    extent = torch.tensor(source.shape[::-1], dtype=torch.float32)
    unit = (index - torch.from_numpy(low).float()) * (2 / extent) + (1 / extent - 1)
    sampled = F.grid_sample(source[None, None], unit[None], mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled[0, 0] + fill_hu


def parallel_axes(matrix: np.ndarray, size: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """Return for each axis of a grid the axis of the volume that it runs along, or None where one runs along none.

    Args:
        matrix: 3 x 3, indices of the volume from indices of the grid.
        size: of the grid; over its whole length an axis may drift by a thousandth of a voxel.
    """
    axes = np.abs(matrix).argmax(axis=0)
    drift = np.abs(matrix) * np.array(size)
    drift[axes, np.arange(3)] = 0.0
    if len(set(axes.tolist())) < 3 or drift.max() > 1e-3:
        return None
    return int(axes[0]), int(axes[1]), int(axes[2])


def _along_axes(
    volume: Volume,
    index_from_index: np.ndarray,
    axes: tuple[int, int, int],
    size: tuple[int, int, int],
    fill_hu: float,
    device: torch.device,
) -> torch.Tensor:
    """Interpolate along one axis after the other: the same as trilinear where the axes are parallel, in a fifth of the time."""
    places, low, high = [], np.zeros(3, dtype=int), np.zeros(3, dtype=int)
    for axis, source in enumerate(axes):  # x, y, z of the grid, and the axis of the volume
        along = index_from_index[source, 3] + index_from_index[source, axis] * np.arange(size[axis])
        low[source], high[source] = _range(along, volume.grid.size[source])
        places.append(along - low[source])
    if (high <= low).any():
        return torch.full(size[::-1], fill_hu, dtype=torch.float32, device=device)
    order = 2 - axes[2], 2 - axes[1], 2 - axes[0]  # of the array; afterwards its axes are the z, y and x of the grid
    part = voxels_on(volume, low, high, device).permute(order).contiguous().sub_(fill_hu)
    for dim, along in enumerate(places[::-1]):
        part = _along(part, dim, torch.from_numpy(along).to(device))
    return part.add_(fill_hu)


def _range(places: np.ndarray, length: int) -> tuple[int, int]:
    """Return the first voxel and the one after the last that linear interpolation at `places` reads."""
    return max(0, int(np.floor(places.min()))), min(length, int(np.floor(places.max())) + 2)


def _along(values: torch.Tensor, dim: int, places: torch.Tensor) -> torch.Tensor:
    """Interpolate linearly along one axis; 0 one voxel beyond the ends and farther."""
    length = values.shape[dim]
    low = torch.floor(places).to(torch.int64)
    weight = (places - low).to(torch.float32)
    shape = [1, 1, 1]
    shape[dim] = -1
    result = None
    for index, share in ((low, 1 - weight), (low + 1, weight)):
        share = torch.where((index >= 0) & (index < length), share, 0.0).view(shape)
        part = values.index_select(dim, index.clamp(0, length - 1)).mul_(share)
        result = part if result is None else result.add_(part)
    return result  # type: ignore[return-value]
