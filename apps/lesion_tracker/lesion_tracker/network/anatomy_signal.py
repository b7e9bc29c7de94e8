"""The anatomy signal: a soft ball that tells the network where to look."""

import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.volumes.grid import Grid


def anatomy_signal(grid: Grid, center_mm: PointMm, radius_mm: float, n: float = 4.0) -> torch.Tensor:
    """Return the Gaussian heat map G(center, n * radius) at the lattice points of `grid`.

    Args:
        grid: an LPS-aligned lattice (its axes are x, y, z).
        center_mm: LPS, mm.
        radius_mm: of the lesion, mm; the standard deviation is n * radius_mm.
        n: width in radii; the paper found 4 best.

    Returns:
        Shape (z, y, x), float32, in (0, 1].

    Source: Eq. 2 of Cai et al., Deep Lesion Tracker, CVPR 2021.
    """
    sigma_mm = n * radius_mm
    axes = []
    for axis in range(3):
        positions = grid.origin_mm[axis] + torch.arange(grid.size[axis], dtype=torch.float64) * grid.spacing_mm[axis]
        axes.append(torch.exp(-((positions - float(center_mm[axis])) ** 2) / (2 * sigma_mm**2)))
    x, y, z = axes
    return (z[:, None, None] * y[None, :, None] * x[None, None, :]).to(torch.float32)
