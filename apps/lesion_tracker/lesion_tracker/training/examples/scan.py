"""A scan of a patient who exists only as a study, a warp and implants; it is sampled where it is read."""

from dataclasses import dataclass

import numpy as np
import torch

from lesion_tracker.arrays import PointsMm
from lesion_tracker.network.inputs import HuSource
from lesion_tracker.network.lattice import CELL_VOXELS
from lesion_tracker.training.examples.appearance import Appearance, apply_appearance
from lesion_tracker.training.examples.implants import Implant
from lesion_tracker.training.examples.real_lesions import Tissue
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import resample, sample_at_index
from lesion_tracker.volumes.volume import Volume

Body = Implant | Tissue
"""What can be drawn into a scan."""


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan of a patient who exists only as a study, a warp and implants; samples like a loaded study does.

    Args:
        study: the study that the anatomy comes from.
        warp: from this scan's positions to the study's, or None where they are the same.
        implants: bodies drawn in, one after the other, in the study's coordinates.
        look: how the scan was made.
        seed: of its noise.
    """

    study: Volume
    warp: Warp | None
    implants: tuple[Body, ...]
    look: Appearance
    seed: int

    def source(self) -> HuSource:
        """Return the scan as a source of HU for the network's input function."""

        def sample(grid: Grid) -> torch.Tensor:
            return self._sample(grid)

        return sample

    def _sample(self, grid: Grid) -> torch.Tensor:
        if self.warp is None:
            hu = torch.from_numpy(np.array(resample(self.study, grid).hu))
            positions = None
        else:
            positions = dense_positions(self.warp, grid)
            index_from_lps = np.linalg.inv(self.study.grid.lps_from_index)
            matrix = torch.from_numpy(index_from_lps).float()
            index = positions @ matrix[:3, :3].T + matrix[:3, 3]
            hu = sample_at_index(self.study.hu, index)
        for implant in self.implants:
            hu = draw_implant(hu, grid, implant, self.warp, positions)
        if self.look.table is not None:
            hu = self.look.table.draw(hu, grid)
        hu = apply_appearance(hu, float(grid.spacing_mm[0]), float(grid.origin_mm[2]), self.look, self.seed)
        return hu if self.look.field is None else self.look.field.draw(hu, grid, positions)


def dense_positions(warp: Warp, grid: Grid) -> torch.Tensor:
    """Return where each voxel of a crop lies in the study, (z, y, x, 3) LPS mm, float32.

    The warp is evaluated at the corners of cells and interpolated: its bumps are 20 mm wide and more, a cell 4 mm.
    """
    size = np.array(grid.size)
    steps = [np.linspace(0, n - 1, max(2, int(np.ceil(n / c)) + 1)) for n, c in zip(size, CELL_VOXELS, strict=True)]
    k, j, i = np.meshgrid(steps[2], steps[1], steps[0], indexing="ij")
    coarse = warp(grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1)))
    field = torch.from_numpy(coarse.reshape(*k.shape, 3)).permute(3, 0, 1, 2)[None]
    fine = torch.nn.functional.interpolate(field.float(), size=grid.shape, mode="trilinear", align_corners=True)
    return fine[0].permute(1, 2, 3, 0)


def draw_implant(
    hu: torch.Tensor, grid: Grid, implant: Body, warp: Warp | None, positions: torch.Tensor | None
) -> torch.Tensor:
    """Draw a body into a crop, touching only the voxels near it.

    Args:
        hu: of the crop, shape (z, y, x).
        grid: where the crop lies.
        implant: in the coordinates of the study.
        warp: from the crop's positions to the study's, or None where they are the same.
        positions: where each voxel lies in the study, (z, y, x, 3) LPS mm; None without a warp.

    Returns:
        The crop with the body; `hu` stays as it is.
    """
    center = implant.center_mm[None]
    here = center if warp is None else warp.inverse(center)
    reach = (2.5 * implant.radius_mm + 6) / grid.spacing_mm
    index = grid.indices_from_lps(here)[0]
    low = np.clip(np.floor(index - reach).astype(int), 0, np.array(grid.size))
    high = np.clip(np.ceil(index + reach).astype(int) + 1, 0, np.array(grid.size))
    if (low >= high).any():
        return hu
    box = tuple(slice(int(a), int(b)) for a, b in zip(low[::-1], high[::-1], strict=True))
    if positions is None:
        k, j, i = np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij")
        points: PointsMm = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    else:
        points = positions[box].reshape(-1, 3).double().numpy()
    part = hu[box]
    drawn = implant.draw(points, part.reshape(-1).numpy())
    result = hu.clone()
    result[box] = torch.from_numpy(drawn).reshape(part.shape)
    return result
