"""Where a lesion's surroundings fit best in the follow-up: their correlation at every shift within reach."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import fft

from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.tracking.case import Case
from lesion_tracker.volumes.lattices import CPU, hu_round, lattice
from lesion_tracker.volumes.volume import Volume

TONE_HU = (-1024.0, -1000.0, -700.0, -160.0, -60.0, 0.0, 60.0, 140.0, 300.0, 800.0)
TONE = (0.0, 0.0, 0.35, 1.0, 1.3, 1.7, 2.15, 2.6, 2.9, 3.3)
"""HU are compared on this curve, which gives soft tissue most of the range; else air against tissue decided alone."""

NOISE_TONE = 0.02
"""Differences below this count as noise, so that two empty patches are not called alike."""


@dataclass(frozen=True)
class Match:
    """One place where the surroundings fit.

    Args:
        center_mm: LPS of the follow-up, between the steps.
        similarity: weighted correlation there, -1 to 1.
    """

    center_mm: PointMm
    similarity: float


@dataclass(frozen=True, eq=False)
class MatchMap:
    """The correlation of a lesion's surroundings at a lattice of places in the follow-up.

    Args:
        values: correlation, (z, y, x).
        around_mm: LPS of the place in the middle of the lattice.
        steps_mm: (3, 3); one step along x, y, z of the lattice is a column, LPS mm.
    """

    values: np.ndarray
    around_mm: PointMm
    steps_mm: np.ndarray

    def places(self) -> PointsMm:
        """Return the place of each value, in the order of `values.ravel()`."""
        offsets = np.indices(self.values.shape).reshape(3, -1)[::-1].T - (np.array(self.values.shape)[::-1] - 1) / 2
        return np.asarray(self.around_mm + offsets @ self.steps_mm.T)

    def best(self, near_mm: PointMm | None = None, within_mm: float = np.inf) -> Match:
        """Return the best place, or the best within a distance of a point; refined by a parabola along each axis.

        Raises:
            ValueError: if no place of the lattice is that near.
        """
        near = self.around_mm if near_mm is None else near_mm
        allowed = np.linalg.norm(self.places() - near, axis=1) <= within_mm
        if not allowed.any():
            raise ValueError(f"no place within {within_mm} mm of {np.asarray(near).tolist()} was looked at")
        flat = int(np.where(allowed, self.values.ravel(), -2.0).argmax())
        index = np.unravel_index(flat, self.values.shape)
        refined = np.array(index) + _top(self.values, tuple(int(n) for n in index))
        offset = (refined - (np.array(self.values.shape) - 1) / 2)[::-1]
        return Match(np.asarray(self.around_mm + self.steps_mm @ offset), float(self.values[index]))

    def peaks(self, count: int, apart_mm: float) -> list[Match]:
        """Return the best places that are at least `apart_mm` from each other, best first."""
        places, left, found = self.places(), self.values.copy(), []
        for _ in range(count):
            match = MatchMap(left, self.around_mm, self.steps_mm).best()
            if match.similarity <= -1.5:  # everything is near a better place
                break
            found.append(match)
            near = np.linalg.norm(places - match.center_mm, axis=1).reshape(left.shape) < apart_mm
            left[near] = -2.0
        return found


class Surroundings:
    """A lesion and what lies round it in the baseline, ready to be looked for.

    The nearest surroundings weigh most, as a Gaussian. What is compared is a ball of one and a half radii and 8 mm, from
    14 to 30 mm, turned and scaled as the affine registration says; inside it only a shift is looked for.

    Args:
        case: the lesion.
        step_mm: of the lattice on which both are compared.
        device: where it is computed.
    """

    def __init__(self, case: Case, step_mm: float, device: torch.device = CPU) -> None:
        self.linear, self.step_mm, self.device = case.linear, step_mm, device
        self.count = int(np.clip(1.5 * case.radius_mm + 8.0, 14.0, 30.0) / step_mm)
        square = (lattice(self.count, device) * step_mm).square().sum(dim=-1)
        half = self.count * step_mm
        weights = torch.exp(-square / (2 * (half / 1.8) ** 2)) * (square <= half**2 * (1 + 1e-6))
        self.weights = weights / weights.sum()
        tones = tones_round(case.pair.baseline, case.center_mm[None], np.eye(3) * step_mm, self.count, device)[0]
        self.mean = float((self.weights * tones).sum())
        tones = tones - self.mean
        self.variance = float((self.weights * tones**2).sum())
        self.weighted = self.weights * tones

    def look(self, followup: Volume, around_mm: PointMm, reach_mm: float) -> MatchMap:
        """Correlate with all places up to `reach_mm` from `around_mm` along each axis; as `looks`."""
        return self.looks(followup, np.asarray(around_mm)[None], reach_mm)[0]

    def looks(self, followup: Volume, around_mm: PointsMm, reach_mm: float) -> list[MatchMap]:
        """Correlate with all places up to `reach_mm` from each of several, in one batch of Fourier transforms.

        Args:
            followup: the other study.
            around_mm: (places, 3), LPS of the follow-up.
            reach_mm: at least one step.
        """
        reach = max(1, round(reach_mm / self.step_mm))
        wide = self.count + reach
        steps = self.linear * self.step_mm
        tones = tones_round(followup, around_mm, steps, wide, self.device) - self.mean
        size = [fft.next_fast_len(n, real=True) for n in tones.shape[1:]]
        used = (..., *3 * (slice(0, 2 * reach + 1),))

        def transformed(values: torch.Tensor) -> torch.Tensor:
            return torch.fft.rfftn(values, size, dim=(-3, -2, -1))

        def at_all_places(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            return torch.fft.irfftn(one * other, size, dim=(-3, -2, -1))[used]

        here, squared = transformed(tones), transformed(tones.square())
        kernel, weights = transformed(self.weighted).conj(), transformed(self.weights).conj()
        product, mean, square = (at_all_places(*pair) for pair in ((here, kernel), (here, weights), (squared, weights)))
        spread = (self.variance + NOISE_TONE**2) * ((square - mean.square()).clamp_min(0.0) + NOISE_TONE**2)
        values = (product * spread.rsqrt()).cpu().numpy()
        return [MatchMap(one, np.asarray(around), steps) for one, around in zip(values, around_mm, strict=True)]


def tones_round(
    volume: Volume, middles_mm: PointsMm, steps_mm: np.ndarray, count: int, device: torch.device = CPU
) -> torch.Tensor:
    """Return the tones on a lattice round each place, as `hu_round`; those of air beyond the volume."""
    return tone(hu_round(volume, middles_mm, steps_mm, count, device))


def tone(hu: torch.Tensor) -> torch.Tensor:
    """Return where HU lie on the curve of TONE_HU and TONE: a sum of clamped lines, one for each of its parts."""
    found = torch.full_like(hu, TONE[0])
    parts: Sequence[tuple[float, ...]] = list(zip(TONE_HU, TONE_HU[1:], TONE, TONE[1:], strict=False))
    for low, high, darker, brighter in parts:
        if brighter > darker:
            found.add_(hu.clamp(low, high).sub_(low), alpha=(brighter - darker) / (high - low))
    return found


def _top(values: np.ndarray, index: tuple[int, ...]) -> np.ndarray:
    """Return the offset (z, y, x), at most half a step each, from a highest value to the top of a parabola."""
    offset = np.zeros(3)
    for axis in range(3):
        if 0 < index[axis] < values.shape[axis] - 1:
            before, after = list(index), list(index)
            before[axis] -= 1
            after[axis] += 1
            low, mid, high = values[tuple(before)], values[index], values[tuple(after)]
            bend = low - 2 * mid + high
            if min(low, high) > -1.5 and bend < -1e-9:
                offset[axis] = np.clip(0.5 * (low - high) / bend, -0.5, 0.5)
    return offset
