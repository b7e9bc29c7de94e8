"""Fields of view that cut the body: half a chest, a targeted field, lungs that were cut out of what is round them."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.network.lattice import CELL_VOXELS, cell_grid
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import sample_at_index

BEYOND_FIELD_HU, ROUND_LUNGS_HU = (-1024.0, -1000.0, -2000.0), (-1000.0, 0.0, -2000.0)
"""What writers put where nothing was reconstructed, and where everything but the lungs was taken away."""

AIR_CELL_HU = -400.0
CLOSED_CELLS, KEPT_CELLS = 3, 1
"""Lungs are closed over bodies of 20 mm and keep a rim of 3 mm."""


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """What of a scan is kept.

    Args:
        low_mm: x and y in the scan's coordinates, LPS.
        high_mm: the same.
        is_round: only the circle in that square.
        background_hu: beyond.
        lungs: share of lung at the cells of the study, (z, y, x), or None where all organs are kept.
        cells: where those cells lie, in the study's coordinates.
    """

    low_mm: np.ndarray
    high_mm: np.ndarray
    is_round: bool
    background_hu: float
    lungs: np.ndarray | None = None
    cells: Grid | None = None

    def holds(self, here_mm: PointsMm, study_mm: PointsMm, margin_mm: float = 0.0) -> np.ndarray:
        """Say of points whether they are kept, shape (n,).

        Args:
            here_mm: (n, 3) in the scan's coordinates.
            study_mm: the same points in the study's.
            margin_mm: from the border of the field; lungs have none.
        """
        plane, study = (torch.from_numpy(np.asarray(points)) for points in (here_mm[:, :2], study_mm))
        return np.asarray((self._in_plane(plane, margin_mm) & self._in_lungs(study[:, None, None])[:, 0, 0]).numpy())

    def draw(self, hu: torch.Tensor, grid: Grid, positions: torch.Tensor | None) -> torch.Tensor:
        """Return a crop, (z, y, x), with the background where nothing is kept.

        Args:
            hu: of the crop.
            grid: where it lies in the scan.
            positions: where each voxel lies in the study, (z, y, x, 3) LPS mm; None where that is the same.
        """
        x, y, z = (torch.from_numpy(grid.origin_mm[n] + grid.spacing_mm[n] * np.arange(grid.size[n])) for n in range(3))
        kept = self._in_plane(torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1), 0.0)[None].expand(hu.shape)
        if self.lungs is not None:
            if positions is None:
                k, j, i = torch.meshgrid(z, y, x, indexing="ij")
                positions = torch.stack([i, j, k], dim=-1)
            kept = kept & self._in_lungs(positions)
        return torch.where(kept, hu, torch.tensor(self.background_hu, dtype=hu.dtype))

    def _in_plane(self, plane_mm: torch.Tensor, margin_mm: float) -> torch.Tensor:
        low, high = torch.from_numpy(self.low_mm) + margin_mm, torch.from_numpy(self.high_mm) - margin_mm
        if self.is_round:
            return torch.linalg.vector_norm(plane_mm - (low + high) / 2, dim=-1) <= float((high - low)[0]) / 2
        return ((plane_mm >= low) & (plane_mm <= high)).all(dim=-1)

    def _in_lungs(self, study_mm: torch.Tensor) -> torch.Tensor:
        if self.lungs is None or self.cells is None:
            return torch.ones(study_mm.shape[:-1], dtype=torch.bool)
        matrix = torch.from_numpy(np.linalg.inv(self.cells.lps_from_index)).to(study_mm.dtype)
        index = study_mm @ matrix[:3, :3].T + matrix[:3, 3]
        return sample_at_index(self.lungs, index.float(), 0.0) > 0.5


def random_field(rng: np.random.Generator, study: PreparedStudy, here_mm: PointMm, study_mm: PointMm) -> FieldOfView:
    """Draw a field of view that keeps a lesion.

    Args:
        rng: the only source of randomness.
        study: the baseline; its lungs are cut out only where the lesion lies in them.
        here_mm: the lesion in the scan's coordinates.
        study_mm: the lesion in the study's coordinates.
    """
    low, high = np.full(2, -np.inf), np.full(2, np.inf)
    kind = str(rng.choice(["half", "targeted", "lungs"]))
    if kind == "lungs":
        lungs, cells = lungs_of(study), cell_grid(study.volume.grid)
        field = FieldOfView(low, high, False, float(rng.choice(ROUND_LUNGS_HU)), lungs, cells)
        if field.holds(here_mm[None], study_mm[None])[0]:
            return field
    background = float(rng.choice(BEYOND_FIELD_HU))
    if kind == "half":
        side = 1 if rng.random() < 0.5 else -1
        (high if side > 0 else low)[0] = here_mm[0] + side * rng.uniform(20, 70)
        return FieldOfView(low, high, False, background)
    half = rng.uniform(100, 125)
    angle, off = rng.uniform(0, 2 * np.pi), rng.uniform(0, half - 30)
    middle = here_mm[:2] + off * np.array([np.cos(angle), np.sin(angle)])
    return FieldOfView(middle - half, middle + half, bool(rng.random() < 0.5), background)


@cache
def lungs_of(study: PreparedStudy) -> np.ndarray:
    """Return where a study's lungs and their vessels are, 1 or 0 at its cells, (z, y, x) float32.

    Gas in the bowel counts as well; what is smaller than 20 mm and has lung round it is taken in.
    """
    z, y, x = CELL_VOXELS[::-1]
    shape = study.structure.shape
    hu = study.volume.hu[z // 2 :: z, y // 2 :: y, x // 2 :: x][: shape[0], : shape[1], : shape[2]]
    air = torch.from_numpy(((hu < AIR_CELL_HU) & (study.structure > 0)).astype(np.float32))[None]
    wide, narrow = 2 * CLOSED_CELLS + 1, 2 * (CLOSED_CELLS - KEPT_CELLS) + 1
    dilated = F.max_pool3d(air, wide, stride=1, padding=wide // 2)
    return np.asarray((1 - F.max_pool3d(1 - dilated, narrow, stride=1, padding=narrow // 2))[0].numpy())
