"""The network's input: the one function that crops, resamples, windows and stacks, for serving and for training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.anatomy_signal import anatomy_signal
from lesion_tracker.network.config import WINDOWS_HU
from lesion_tracker.network.lattice import cell_grid
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.lattices import CPU
from lesion_tracker.volumes.resample import resampled
from lesion_tracker.volumes.volume import Volume

HuSource = Callable[[Grid], torch.Tensor]
"""Gives the HU of a study on an LPS-aligned lattice, shape (z, y, x), float32, -1024 beyond the study."""

Ball = tuple[PointMm, float]
"""A centre (LPS mm) and a radius (mm)."""


@dataclass(frozen=True)
class NetworkInput:
    """What the network reads for L lesions of one template crop and one search crop.

    Args:
        template_image: (1, windows, z, y, x).
        template_signal: (L, 1, z, y, x) at the cells of the finest scale.
        cells: for each lesion the cell (z, y, x) of the finest scale that its kernels are cut round.
        search_image: (1, windows, z, y, x).
        search_signal: (L, 1, z, y, x) at the cells of the finest scale.
        search_grid: where the search crop lies.
    """

    template_image: torch.Tensor
    template_signal: torch.Tensor
    cells: tuple[tuple[int, int, int], ...]
    search_image: torch.Tensor
    search_signal: torch.Tensor
    search_grid: Grid

    def to(self, device: torch.device) -> "NetworkInput":
        """Return the same input with its tensors on another device."""
        tensors = ("template_image", "template_signal", "search_image", "search_signal")
        return replace(self, **{name: getattr(self, name).to(device) for name in tensors})


def hu_source(volume: Volume, device: torch.device = CPU) -> HuSource:
    """Return the source that a loaded study is: resampled where it is asked for, never as a whole, on a device."""

    def source(grid: Grid) -> torch.Tensor:
        return resampled(volume, grid, device)

    return source


def windowed(hu: torch.Tensor) -> torch.Tensor:
    """Return the intensity windows of a crop as channels, (1, windows, z, y, x), each in [-1, 1]."""
    shape = (1, len(WINDOWS_HU), *hu.shape)
    found = torch.empty(shape, dtype=hu.dtype, device=hu.device, memory_format=torch.channels_last_3d)
    for channel, (low, high) in enumerate(WINDOWS_HU):
        found[0, channel] = ((hu - low) * (2 / (high - low)) - 1).clamp_(-1, 1)
    return found


def template_cell(grid: Grid, center_mm: PointMm) -> tuple[int, int, int]:
    """Return the cell (z, y, x) of the finest scale whose centre is nearest to `center_mm`.

    Raises:
        ValueError: if that lies outside the crop: there is nothing to cut a kernel from.
    """
    cells = cell_grid(grid)
    index = np.round(cells.indices_from_lps(np.asarray(center_mm)[None])[0]).astype(int)
    if (index < 0).any() or (index >= cells.size).any():
        raise ValueError(
            f"the lesion at {np.asarray(center_mm).tolist()} mm lies outside its template crop, which starts at "
            f"{grid.origin_mm.tolist()} mm and has {grid.size} voxels (x, y, z)"
        )
    i, j, k = index
    return int(k), int(j), int(i)


def network_input(
    template: HuSource,
    template_grid: Grid,
    lesions: Sequence[Ball],
    search: HuSource,
    search_grid: Grid,
    expected: Sequence[Ball],
    heat_map_n: float,
) -> NetworkInput:
    """Build the input for one or several lesions.

    Args:
        template: the baseline study.
        template_grid: the template crop; serving takes `lattice.template_grid` of each lesion.
        lesions: centre and radius of each lesion in the baseline.
        search: the follow-up study.
        search_grid: the search crop.
        expected: centre and radius of each lesion as registration expects them in the follow-up.
        heat_map_n: standard deviation of the anatomy signals in radii.

    Raises:
        ValueError: if there are not as many expected places as lesions, or a lesion lies outside the template crop.
    """
    if len(lesions) != len(expected) or not lesions:
        raise ValueError(
            f"{len(lesions)} lesions and {len(expected)} expected places: there must be one each, at least one"
        )
    template_image, template_signal, cells = template_input(template, template_grid, lesions, heat_map_n)
    search_image, search_signal = search_input(search, search_grid, expected, heat_map_n)
    return NetworkInput(template_image, template_signal, cells, search_image, search_signal, search_grid)


def template_input(
    template: HuSource, grid: Grid, lesions: Sequence[Ball], heat_map_n: float
) -> tuple[torch.Tensor, torch.Tensor, tuple[tuple[int, int, int], ...]]:
    """Return `template_image`, `template_signal` and `cells` of a `NetworkInput`; arguments as of `network_input`."""
    cells = cell_grid(grid)
    signal = torch.stack([anatomy_signal(cells, c, r, heat_map_n)[None] for c, r in lesions])
    return windowed(template(grid)), signal, tuple(template_cell(grid, center) for center, _ in lesions)


def search_input(
    search: HuSource, grid: Grid, expected: Sequence[Ball], heat_map_n: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `search_image` and `search_signal` of a `NetworkInput`; arguments as of `network_input`."""
    cells = cell_grid(grid)
    return windowed(search(grid)), torch.stack([anatomy_signal(cells, c, r, heat_map_n)[None] for c, r in expected])
