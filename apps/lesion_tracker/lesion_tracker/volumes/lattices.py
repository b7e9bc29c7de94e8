"""HU of a study on small lattices round places, all of them at once, where torch computes: the processor or a device."""

import weakref

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.arrays import PointsMm
from lesion_tracker.volumes.volume import AIR_HU, Volume

CPU = torch.device("cpu")

_kept: "weakref.WeakKeyDictionary[Volume, dict[torch.device, torch.Tensor]]" = weakref.WeakKeyDictionary()


def voxels_on(volume: Volume, low: np.ndarray, high: np.ndarray, device: torch.device) -> torch.Tensor:
    """Return the voxels from index `low` to before `high`, (i, j, k) each, as float32 (z, y, x) of their own.

    A device other than the processor keeps the whole study as long as the volume lives.
    """
    box = tuple(slice(int(a), int(b)) for a, b in zip(low[::-1], high[::-1], strict=True))
    if device.type == "cpu":
        return torch.from_numpy(np.array(volume.hu[box], dtype=np.float32, order="C"))
    kept = _kept.setdefault(volume, {})
    if device not in kept:
        dtype = np.int16 if volume.hu.dtype == np.int16 else np.float32
        kept[device] = torch.from_numpy(np.array(volume.hu, dtype=dtype, order="C")).to(device)
    return kept[device][box].to(torch.float32, copy=True)


def lattice(count: int, device: torch.device = CPU) -> torch.Tensor:
    """Return the steps -count … count along x, y, z of a cube of points, (z, y, x, 3), float32."""
    steps = torch.arange(-count, count + 1, dtype=torch.float32, device=device)
    z, y, x = torch.meshgrid(steps, steps, steps, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


def hu_round(
    volume: Volume, middles_mm: PointsMm, steps_mm: np.ndarray, count: int, device: torch.device = CPU
) -> torch.Tensor:
    """Interpolate linearly on a lattice round each place.

    Args:
        volume: of any orientation.
        middles_mm: (places, 3), LPS.
        steps_mm: (3, 3); one step along x, y, z of the lattices is a column, LPS mm.
        count: steps to either side of the middle.
        device: where it is computed.

    Returns:
        (places, z, y, x), float32, 2 count + 1 points along each edge; beyond the volume that of air, which blends in over
        one voxel.
    """
    edge = 2 * count + 1
    middles = volume.grid.indices_from_lps(middles_mm)
    steps = volume.grid.index_from_lps[:3, :3] @ steps_mm
    reach = count * np.abs(steps).sum(axis=1)
    low, high = _box(volume, (middles - reach).min(axis=0), (middles + reach).max(axis=0))
    scale = 2.0 / (high - low)  # voxels to the unit cube of `grid_sample`
    first = torch.from_numpy((middles - low + 0.5) * scale - 1).to(device, torch.float32)
    turned = torch.from_numpy(steps * scale[:, None]).to(device, torch.float32)
    places = first.view(-1, 1, 1, 1, 3) + lattice(count, device) @ turned.T
    return _interpolated(volume, low, high, places.view(1, -1, edge, edge, 3)).view(-1, edge, edge, edge)


def hu_at_points(volume: Volume, points_mm: PointsMm, device: torch.device = CPU) -> torch.Tensor:
    """Interpolate at LPS points (n, 3), as `hu_round`; returns (n,), float32."""
    index = volume.grid.indices_from_lps(points_mm)
    low, high = _box(volume, index.min(axis=0), index.max(axis=0))
    places = torch.from_numpy((index - low + 0.5) * (2.0 / (high - low)) - 1).to(device, torch.float32)
    return _interpolated(volume, low, high, places.view(1, 1, 1, -1, 3)).view(-1)


def _box(volume: Volume, lowest: np.ndarray, highest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first voxel, and the one after the last, that is read from index `lowest` to `highest`."""
    size = np.array(volume.grid.size)
    low = np.clip(np.floor(lowest).astype(int), 0, size - 1)
    return low, np.clip(np.ceil(highest).astype(int) + 1, low + 1, size)


def _interpolated(volume: Volume, low: np.ndarray, high: np.ndarray, places: torch.Tensor) -> torch.Tensor:
    part = voxels_on(volume, low, high, places.device).sub_(AIR_HU)
    return F.grid_sample(part[None, None], places, mode="bilinear", padding_mode="zeros", align_corners=False).add_(
        AIR_HU
    )
