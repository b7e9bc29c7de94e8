"""Real lesions by their outlines: cut out, drawn at another size, or covered by the healthy tissue of another place."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.prepared.prepared_study import Outline, PreparedStudy
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import sample_at_index

MARGIN_VOXELS = (14, 14, 5)
"""Round an outline, along x, y, z: 10 to 11 mm of tissue in which the edges are blended and a donor's fit is judged."""

RIM_VOXELS, COVER_VOXELS, RING_VOXELS = (2, 2, 1), (4, 4, 2), (9, 9, 3)
"""A lesion takes along 2 mm of what is round it, its border; 3 to 4 mm are covered, and the donor must fit 5 mm beyond."""

DONORS, DONOR_MM = 300, (1.3, 80.0)
"""So many places are tried, from 1.3 diameters to 80 mm away."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """Tissue of a study with a soft edge, in the study's coordinates (LPS mm).

    Args:
        center_mm: it grows round this.
        radius_mm: as it is drawn.
        grid: of the two arrays.
        hu: (z, y, x).
        share: (z, y, x) in [0, 1]: how much of it covers what is there.
        factor: of its size.
    """

    center_mm: PointMm
    radius_mm: float
    grid: Grid
    hu: np.ndarray
    share: np.ndarray
    factor: float = 1.0

    def draw(self, points_mm: PointsMm, hu: np.ndarray) -> np.ndarray:
        """Return `hu`, shape (n,), with the tissue blended in at the study's points of shape (n, 3)."""
        read = self.center_mm + (np.asarray(points_mm) - self.center_mm) / self.factor
        index = torch.from_numpy(self.grid.indices_from_lps(read)).float()[:, None, None]
        share, values = (sample_at_index(part, index, 0.0)[:, 0, 0].numpy() for part in (self.share, self.hu))
        return np.asarray(hu + share * (values - hu))

    def grown(self, factor: float) -> "Tissue":
        """Return it `factor` times as large."""
        return replace(self, factor=factor, radius_mm=self.radius_mm * factor)


@dataclass(frozen=True, eq=False)
class RealLesion:
    """An outlined lesion and what hides it.

    Args:
        body: the lesion itself.
        cover: healthy tissue over it; drawn first, also where the lesion is drawn again at another size.
    """

    body: Tissue
    cover: Tissue


@cache
def real_lesions(study: PreparedStudy) -> tuple[RealLesion, ...]:
    """Return the outlined lesions of a study for which healthy tissue that fits was found."""
    found = (_real_lesion(study, outline) for outline in study.outlines)
    return tuple(lesion for lesion in found if lesion is not None)


def _real_lesion(study: PreparedStudy, outline: Outline) -> RealLesion | None:
    low = np.array(outline.first_voxel) - MARGIN_VOXELS
    inside = torch.from_numpy(np.pad(outline.inside, [(n, n) for n in MARGIN_VOXELS[::-1]])).float()
    size = np.array(inside.shape[::-1])
    grid = crop_grid(study.volume.grid.lps_from_indices(low[None].astype(np.float64))[0], tuple(int(n) for n in size))  # type: ignore[arg-type]
    hu = _cut(study, low, size)
    covered = _dilated(inside, COVER_VOXELS)
    ring = (_dilated(covered, RING_VOXELS) - covered).numpy() > 0.5
    radius = float((3 * outline.inside.sum() * np.prod(SPACING_MM) / (4 * np.pi)) ** (1 / 3))
    donor = _donor(study, low, size, hu, ring, radius)
    if donor is None:
        return None
    z, y, x = (float(axis.mean()) for axis in np.nonzero(inside.numpy()))
    center = grid.lps_from_indices(np.array([[x, y, z]]))[0]
    body = Tissue(center, radius, grid, hu, _blurred(_dilated(inside, RIM_VOXELS)).numpy())
    return RealLesion(body, replace(body, hu=donor, share=_blurred(covered).numpy()))


def _donor(
    study: PreparedStudy, low: np.ndarray, size: np.ndarray, hu: np.ndarray, ring: np.ndarray, radius_mm: float
) -> np.ndarray | None:
    """Return the tissue of the place whose surroundings are most like those of the lesion, or None where none fits in."""
    rng = np.random.default_rng(0)  # of the search alone: a study's donor is always the same
    best: tuple[float, np.ndarray] | None = None
    around = np.clip(hu[ring], -1000, 300)
    for _ in range(DONORS):
        direction = rng.normal(size=3)
        shift = (
            direction
            / np.linalg.norm(direction)
            * rng.uniform(2 * DONOR_MM[0] * radius_mm, max(DONOR_MM[1], 3 * radius_mm))
        )
        first = low + np.round(shift / SPACING_MM).astype(int)
        if (first < 0).any() or (first + size > np.array(study.volume.grid.size)).any():
            continue
        there = _cut(study, first, size)
        misfit = float(np.abs(np.clip(there[ring], -1000, 300) - around).mean())
        if best is None or misfit < best[0]:
            best = misfit, there
    return None if best is None else best[1]


def _cut(study: PreparedStudy, low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return a crop, (z, y, x) float32; beyond the study its border is repeated."""
    axes = [
        np.clip(np.arange(a, a + n), 0, limit - 1)
        for a, n, limit in zip(low, size, study.volume.grid.size, strict=True)
    ]
    return study.volume.hu[np.ix_(axes[2], axes[1], axes[0])].astype(np.float32)


def _dilated(mask: torch.Tensor, voxels: tuple[int, int, int]) -> torch.Tensor:
    x, y, z = (2 * n + 1 for n in voxels)
    return F.max_pool3d(mask[None], (z, y, x), stride=1, padding=(z // 2, y // 2, x // 2))[0]


def _blurred(mask: torch.Tensor) -> torch.Tensor:
    """Return a mask with an edge of about 3 mm in plane and one slice."""
    return F.avg_pool3d(mask[None], (3, 5, 5), stride=1, padding=(1, 2, 2))[0]
