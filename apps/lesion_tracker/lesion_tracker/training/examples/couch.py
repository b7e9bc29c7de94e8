"""The scanner's table under the patient of a constructed follow-up: a light shell about foam, the same in all slices."""

from dataclasses import dataclass

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import AIR_HU, Volume

BODY_HU = -300.0
"""Below this a voxel is air, in which the table can be seen."""

SHELL_HU, FOAM_HU, SHELL_MM = -100.0, -880.0, 2.5


@dataclass(frozen=True)
class Table:
    """A table that curves up at its sides, in the scan's coordinates (LPS mm).

    Args:
        middle_mm: x of its deepest line.
        top_mm: y of its surface there.
        curvature_mm: its surface rises by x^2 / curvature_mm beside the middle.
        thickness_mm: from surface to underside.
        half_width_mm: along x.
    """

    middle_mm: float
    top_mm: float
    curvature_mm: float
    thickness_mm: float
    half_width_mm: float

    def draw(self, hu: torch.Tensor, grid: Grid) -> torch.Tensor:
        """Return a crop, shape (z, y, x), with the table where there was air."""
        x = torch.from_numpy(grid.origin_mm[0] + grid.spacing_mm[0] * np.arange(grid.size[0])) - self.middle_mm
        y = torch.from_numpy(grid.origin_mm[1] + grid.spacing_mm[1] * np.arange(grid.size[1]))
        depth = y[:, None] - (self.top_mm - x**2 / self.curvature_mm)[None]
        inside = (depth >= 0) & (depth <= self.thickness_mm) & (x.abs() < self.half_width_mm)[None]
        shell = inside & ((depth < SHELL_MM) | (depth > self.thickness_mm - SHELL_MM))
        table = torch.where(shell, SHELL_HU, torch.where(inside, FOAM_HU, float(AIR_HU))).to(hu.dtype)
        return torch.where(hu < BODY_HU, torch.maximum(hu, table[None]), hu)


def random_table(rng: np.random.Generator, study: Volume, center_mm: PointMm, warp: Warp) -> Table | None:
    """Draw a table under the body as the follow-up shows it, or None where the lesion's slice holds no body.

    Args:
        rng: the only source of randomness.
        study: the baseline.
        center_mm: of the lesion in the baseline, LPS; the body's back is looked for in its slice.
        warp: from follow-up to baseline.

    Raises:
        ValueError: if the warp cannot be inverted at the back; draw again.
    """
    grid = study.grid
    number = int(np.clip(np.rint(grid.indices_from_lps(center_mm[None])[0, 2]), 0, grid.size[2] - 1))
    body = study.hu[number] > BODY_HU
    columns = np.flatnonzero(body.sum(axis=0) > 8)[::8]
    if not len(columns):
        return None
    back = body.shape[0] - 1 - body[::-1, columns].argmax(axis=0)
    points = grid.lps_from_indices(np.stack([columns, back, np.full(len(columns), number)], axis=1).astype(np.float64))
    seen = warp.inverse(points)
    return Table(
        middle_mm=float(seen[:, 0].mean() + rng.uniform(-15, 15)),
        top_mm=float(seen[:, 1].max() + rng.uniform(1.0, 4.0)),
        curvature_mm=float(rng.uniform(900, 2500)),
        thickness_mm=float(rng.uniform(14.0, 20.0)),
        half_width_mm=float(rng.uniform(190, 230)),
    )
