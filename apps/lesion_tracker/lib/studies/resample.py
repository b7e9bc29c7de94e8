"""Linear resampling of a volume on any grid, by torch, reading only the voxels that the grid touches."""

import numpy as np
import torch
from torch.nn import functional as F

from lib.studies.grid import Grid
from lib.studies.volume import AIR_HU, Volume


def resample(volume: Volume, grid: Grid, fill_hu: float = AIR_HU) -> Volume:
    """Return `volume` on `grid` (float32 HU): trilinear inside, `fill_hu` outside of the outer voxel centres.

    Both grids may point anywhere; cost and memory follow the size of `grid`, not of the volume.

    Args:
        volume: HU on its grid.
        grid: the lattice wanted, LPS mm.
        fill_hu: what lies beyond the volume; it blends in over the last voxel.
    """
    index_from_index = np.linalg.inv(volume.grid.lps_from_index) @ grid.lps_from_index
    nx, ny, nz = grid.size
    steps = [torch.arange(n, dtype=torch.float64) for n in (nx, ny, nz)]
    columns = torch.from_numpy(index_from_index)
    index = (
        columns[:3, 3]
        + steps[0][None, None, :, None] * columns[:3, 0]
        + steps[1][None, :, None, None] * columns[:3, 1]
        + steps[2][:, None, None, None] * columns[:3, 2]
    )
    hu = sample_at_index(volume.hu, index.to(torch.float32), fill_hu)
    return Volume(hu.numpy(), grid, volume.warnings)


def sample_at_index(hu: np.ndarray, index: torch.Tensor, fill_hu: float = AIR_HU) -> torch.Tensor:
    """Interpolate an array at continuous indices.

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
