"""Small turns and stretches of a lesion's surroundings: the affine map round one place that makes them most alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.tracking.alignment import NOISE_TONE, tone, tones_round
from lesion_tracker.tracking.case import Case
from lesion_tracker.volumes.lattices import CPU, hu_at_points
from lesion_tracker.volumes.volume import Volume

ITERATIONS = 10
MARGIN_MM = 6.0
"""The follow-up is sampled this far beyond the surroundings: a fit that leaves it has left the place."""

LARGE_MM = 20.0
"""Surroundings that reach farther than this are compared on a coarser lattice."""

STIFFNESS = 0.002
"""Weight of the squared change of the map, at the edge of the surroundings, against the squared misfit of the tones."""

SHORTEST = 1 / 16
LEAST_GAIN = 1e-4
"""A fit ends where a step raises its correlation by less."""


@dataclass(frozen=True)
class LocalFit:
    """Where and how the surroundings fit best.

    Args:
        center_mm: where the lesion's centre goes, LPS of the follow-up.
        linear: 3 x 3, directions of the follow-up from those of the baseline.
        similarity: weighted correlation, -1 to 1.
    """

    center_mm: PointMm
    linear: np.ndarray
    similarity: float


class LocalPatch:
    """A lesion and what lies round it in the baseline, as weighted points.

    Args:
        case: the lesion; a ball of one and a half radii and 8 mm, from 14 to 30 mm, is compared.
        device: where it is computed.
    """

    def __init__(self, case: Case, device: torch.device = CPU) -> None:
        self.half_mm = float(np.clip(1.5 * case.radius_mm + 8.0, 14.0, 30.0))
        step = 2.0 if self.half_mm <= LARGE_MM else 2.5
        steps = np.arange(-self.half_mm, self.half_mm + 1e-9, step)
        z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
        offsets = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
        square = (offsets**2).sum(axis=1)
        inside = square <= self.half_mm**2
        weights = np.exp(-square[inside] / (2 * (self.half_mm / 1.8) ** 2))
        self.offsets = torch.from_numpy(offsets[inside]).to(device, torch.float32)
        self.weights = torch.from_numpy(weights / weights.sum()).to(device, torch.float32)
        tones = tone(hu_at_points(case.pair.baseline, case.center_mm + offsets[inside], device))
        self.tones = self._unit(tones[None])[0]

    def fit(self, followup: Volume, start_mm: PointMm, linear: np.ndarray, reach_mm: float) -> LocalFit:
        """Fit round one place; arguments as of `fits`."""
        return self.fits(followup, np.asarray(start_mm)[None], linear[None], [reach_mm])[0]

    def fits(
        self, followup: Volume, starts_mm: PointsMm, linear: np.ndarray, reach_mm: Sequence[float]
    ) -> list[LocalFit]:
        """Fit shift, turn, scale and shear round several places at once, each as if alone.

        These are Gauss-Newton steps that are shortened until they gain.

        Args:
            followup: the other study.
            starts_mm: (places, 3), LPS of the follow-up.
            linear: (places, 3, 3) to start from.
            reach_mm: the centre of each moves at most so far from its start.
        """
        count, lattice_mm = len(starts_mm), 1.5 if self.half_mm <= LARGE_MM else 2.0
        blocks = _Blocks(followup, starts_mm, self.half_mm * 1.1 + MARGIN_MM, lattice_mm, self.offsets.device)
        first = torch.from_numpy(np.asarray(linear)).to(self.offsets)
        reach = torch.tensor(list(reach_mm)).to(self.offsets) + 1e-6
        shift, change = first.new_zeros(count, 3), torch.zeros_like(first)
        going = torch.arange(count, device=first.device)
        here = blocks.at(going, self._places(shift, first))
        best = self._similarity(here)
        for _ in range(ITERATIONS):
            step = self._steps(here[going], change[going])
            before, left, length = best.clone(), torch.arange(len(going), device=first.device), 1.0
            while length >= SHORTEST and len(left):
                number = going[left]
                new_shift = shift[number] + length * step[left, :, 3]
                new_change = change[number] + length * step[left, :, :3] / self.half_mm
                there = blocks.at(number, self._places(new_shift, first[number] + new_change))
                similarity = self._similarity(there)
                gains = (similarity > best[number]) & (new_shift.norm(dim=1) <= reach[number])
                taken = number[gains]
                shift[taken], change[taken], best[taken] = new_shift[gains], new_change[gains], similarity[gains]
                here[taken] = there[gains]
                left, length = left[~gains], length / 2
            going = going[best[going] - before[going] >= LEAST_GAIN]
            if not len(going):
                break
        shift_mm, similarities = shift.double().cpu().numpy(), best.double().cpu().numpy()
        linears = (first + change).double().cpu().numpy()
        return [
            LocalFit(np.asarray(start + moved), turned, float(alike))
            for start, moved, turned, alike in zip(starts_mm, shift_mm, linears, similarities, strict=True)
        ]

    def _places(self, shift: torch.Tensor, linear: torch.Tensor) -> torch.Tensor:
        """Return where the points of the surroundings lie, (places, points, 3), mm from each start."""
        turned = (linear.reshape(-1, 3) @ self.offsets.T).view(
            *linear.shape[:2], -1
        )  # of one product, not of one a place
        return (shift[..., None] + turned).transpose(1, 2)

    def _similarity(self, here: torch.Tensor) -> torch.Tensor:
        return (self._unit(here[:, 0]) * self.tones) @ self.weights

    def _unit(self, tones: torch.Tensor) -> torch.Tensor:
        """Return tones (places, points) with a weighted mean of 0 and a weighted variance of (nearly) 1."""
        centered = tones - (tones @ self.weights)[:, None]
        return centered * (centered.square() @ self.weights + NOISE_TONE**2).rsqrt()[:, None]

    def _steps(self, here: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        """Return changes of the maps (places, 3, 4): the linear part in mm at the edge of the surroundings, the shift in mm.

        Args:
            here: tones and their slopes along x, y, z per mm at the points, (places, 4, points).
            change: of the linear parts so far.
        """
        count, points = here.shape[0], here.shape[2]
        tones, slopes = here[:, 0], here[:, 1:]
        centered = tones - (tones @ self.weights)[:, None]
        spread = (centered.square() @ self.weights + NOISE_TONE**2).sqrt()
        unit = torch.cat([self.offsets / self.half_mm, torch.ones_like(self.offsets[:, :1])], dim=1)
        design = slopes[:, :, None] / spread.view(-1, 1, 1, 1) * unit.T  # (places, 3, 4, points)
        design = design.reshape(count, 12, points)
        design = design - (design @ self.weights)[..., None]
        misfit = centered / spread[:, None] - self.tones
        stiff = STIFFNESS * torch.diag(torch.tensor([1.0, 1.0, 1.0, 0.0] * 3).to(design))
        now = torch.cat([change * self.half_mm, torch.zeros_like(change[..., :1])], dim=2).view(count, 12)
        weighted = design * self.weights
        bend = weighted @ design.transpose(1, 2) + stiff + 1e-4 * torch.eye(12).to(design)
        slope = (weighted @ misfit[..., None])[..., 0] + now @ stiff
        return -torch.linalg.solve(bend.double(), slope.double()).to(design).view(count, 3, 4)


class _Blocks:
    """Tones of the follow-up round several places, and their slopes, on a lattice each."""

    def __init__(
        self, followup: Volume, middles_mm: PointsMm, half_mm: float, lattice_mm: float, device: torch.device
    ) -> None:
        count = int(np.ceil(half_mm / lattice_mm))
        tones = tones_round(followup, middles_mm, np.eye(3) * lattice_mm, count, device)
        slopes = torch.gradient(tones, spacing=lattice_mm, dim=(3, 2, 1))
        self.edge, self.reach_mm, self.number = 2 * count + 1, count * lattice_mm, len(tones)
        self.joined = torch.stack([tones, *slopes]).flatten(1, 2)[
            None
        ]  # block on block along z: nothing is copied to read

    def at(self, numbers: torch.Tensor, offsets_mm: torch.Tensor) -> torch.Tensor:
        """Interpolate all four, (places, 4, points), in some blocks by their number; beyond a lattice its edge goes on.

        Args:
            numbers: (places,).
            offsets_mm: (places, points, 3) from the middles.
        """
        places = (offsets_mm / self.reach_mm).clamp(-1.0, 1.0)
        last = self.number * self.edge - 1
        below = (2 * self.edge * numbers + self.edge - 1 - last).view(-1, 1)
        places[..., 2] = (places[..., 2] * (self.edge - 1) + below) / last
        found = F.grid_sample(self.joined, places[None, None], mode="bilinear", align_corners=True)
        return found[0, :, 0].transpose(0, 1)
