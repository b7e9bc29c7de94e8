"""Small turns and stretches of a lesion's surroundings: the affine map round one place that makes them most alike."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.tracking.alignment import NOISE_TONE, tone_at
from lesion_tracker.tracking.case import Case
from lesion_tracker.volumes.volume import Volume

ITERATIONS = 10
MARGIN_MM = 6.0
"""The follow-up is sampled this far beyond the surroundings: a fit that leaves it has left the place."""

LARGE_MM = 20.0
"""Surroundings that reach farther than this are compared on a coarser lattice."""

STIFFNESS = 0.002
"""Weight of the squared change of the map, at the edge of the surroundings, against the squared misfit of the tones."""

SHORTEST = 1 / 16


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
    """

    def __init__(self, case: Case) -> None:
        self.half_mm = float(np.clip(1.5 * case.radius_mm + 8.0, 14.0, 30.0))
        step = 2.0 if self.half_mm <= LARGE_MM else 2.5
        steps = np.arange(-self.half_mm, self.half_mm + 1e-9, step)
        z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
        offsets = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
        square = (offsets**2).sum(axis=1)
        self.offsets: PointsMm = offsets[square <= self.half_mm**2]
        weights = np.exp(-square[square <= self.half_mm**2] / (2 * (self.half_mm / 1.8) ** 2))
        self.weights = weights / weights.sum()
        tones = tone_at(case.pair.baseline, case.center_mm + self.offsets)
        self.tones = _unit(tones, self.weights)

    def fit(self, followup: Volume, start_mm: PointMm, linear: np.ndarray, reach_mm: float) -> LocalFit:
        """Fit shift, turn, scale and shear by Gauss-Newton steps that are shortened until they gain.

        Args:
            followup: the other study.
            start_mm: LPS of the follow-up.
            linear: 3 x 3 to start from.
            reach_mm: the centre moves at most so far from the start.
        """
        lattice = 1.5 if self.half_mm <= LARGE_MM else 2.0
        block = _Block(followup, start_mm, self.half_mm * 1.1 + MARGIN_MM, lattice)
        shift, change = np.zeros(3), np.zeros((3, 3))
        best = self._similarity(block, shift, linear)
        for _ in range(ITERATIONS):
            step = self._step(block, shift, linear + change, change)
            length = 1.0
            while length >= SHORTEST:
                new_shift, new_change = shift + length * step[:, 3], change + length * step[:, :3] / self.half_mm
                similarity = self._similarity(block, new_shift, linear + new_change)
                if similarity > best and np.linalg.norm(new_shift) <= reach_mm:
                    break
                length /= 2
            if length < SHORTEST:
                break
            gained, best, shift, change = similarity - best, similarity, new_shift, new_change
            if gained < 1e-4:
                break
        return LocalFit(np.asarray(start_mm + shift), linear + change, best)

    def _similarity(self, block: "_Block", shift: np.ndarray, linear: np.ndarray) -> float:
        there = _unit(block.tones_at(shift + self.offsets @ linear.T), self.weights)
        return float((self.weights * there * self.tones).sum())

    def _step(self, block: "_Block", shift: np.ndarray, linear: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Return the change of the map (3, 4): linear part in mm at the edge of the surroundings, then the shift in mm."""
        places = shift + self.offsets @ linear.T
        tones, slopes = block.tones_and_slopes_at(places)
        mean = float((self.weights * tones).sum())
        spread = float(np.sqrt((self.weights * (tones - mean) ** 2).sum() + NOISE_TONE**2))
        unit = np.column_stack([self.offsets / self.half_mm, np.ones(len(places))])
        design = (slopes[:, :, None] * unit[:, None, :]).reshape(len(places), 12) / spread
        design = design - (self.weights @ design)
        misfit = (tones - mean) / spread - self.tones
        stiff = np.diag(np.tile([1.0, 1.0, 1.0, 0.0], 3)) * STIFFNESS
        now = np.column_stack([change * self.half_mm, np.zeros(3)]).ravel()
        bend = design.T @ (design * self.weights[:, None]) + stiff + 1e-4 * np.eye(12)
        slope = design.T @ (self.weights * misfit) + stiff @ now
        return np.asarray(-np.linalg.solve(bend, slope).reshape(3, 4))


class _Block:
    """Tones of the follow-up round one place, and their slopes, on a lattice."""

    def __init__(self, followup: Volume, center_mm: PointMm, half_mm: float, lattice_mm: float) -> None:
        count = int(np.ceil(half_mm / lattice_mm))
        steps = np.arange(-count, count + 1) * lattice_mm
        z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
        points = np.asarray(center_mm) + np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
        tones = tone_at(followup, points).reshape(z.shape)
        slopes = np.gradient(tones, lattice_mm)[::-1]
        self.reach_mm = count * lattice_mm
        self.values = torch.from_numpy(np.stack([tones, *slopes]).astype(np.float32))[None]

    def tones_at(self, offsets_mm: PointsMm) -> np.ndarray:
        """Return tones at offsets (n, 3) from the centre."""
        return self._at(self.values[:, :1], offsets_mm)[0]

    def tones_and_slopes_at(self, offsets_mm: PointsMm) -> tuple[np.ndarray, np.ndarray]:
        """Return tones, and slopes along x, y, z per mm, (n, 3)."""
        found = self._at(self.values, offsets_mm)
        return found[0], found[1:].T

    def _at(self, values: torch.Tensor, offsets_mm: PointsMm) -> np.ndarray:
        """Interpolate all channels at once, (channels, n); beyond the lattice its edge goes on."""
        places = torch.from_numpy((offsets_mm / self.reach_mm).astype(np.float32))[None, None, None]
        found = F.grid_sample(values, places, mode="bilinear", padding_mode="border", align_corners=True)
        return np.asarray(found[0, :, 0, 0].numpy(), dtype=np.float64)


def _unit(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return values with a weighted mean of 0 and a weighted variance of (nearly) 1."""
    centered = values - float((weights * values).sum())
    return np.asarray(centered / np.sqrt(float((weights * centered**2).sum()) + NOISE_TONE**2))
