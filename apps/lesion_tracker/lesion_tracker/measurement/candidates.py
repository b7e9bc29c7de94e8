"""Surfaces that a lesion may have: one for each difference in HU by which its inside may be told from what lies round it."""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from lesion_tracker.arrays import PointMm
from lesion_tracker.measurement.sphere import sphere
from lesion_tracker.measurement.surfaces import RADII, RADII_MM, Radii, closed_surfaces, mean_between
from lesion_tracker.measurement.view import View

TOLERANCES_HU = np.array([8, 12, 18, 27, 40, 60, 90, 140, 220, 340, 500], dtype=np.float32)
REWARD = 0.3
"""For each radius that lies in what looks like the inside; one that does not costs 1."""
EDGE = 2.0
"""For a full change at the surface, from inside to outside."""
EDGE_STEPS = 3
SLOPE, MOST = 1.0, 8.0
START_MM = 2.5
"""The ball round the point whose median is the inside's HU."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Surfaces round one point.

    Args:
        center_mm: LPS.
        profiles: (directions, radii), HU.
        inside_hu: that they were looked for with.
        noise_hu: of the profiles, near the point.
        radii: one row a surface, in the order of TOLERANCES_HU.
    """

    center_mm: PointMm
    profiles: ndarray
    inside_hu: float
    noise_hu: float
    radii: Radii

    @property
    def ball_mm(self) -> ndarray:
        """Radius of the ball of the same volume, for each surface."""
        return np.asarray(np.cbrt((RADII_MM[self.radii] ** 3).mean(axis=1)))


def candidates(view: View, center_mm: PointMm) -> Candidates:
    """Return the surfaces round a point.

    Args:
        view: of the study.
        center_mm: LPS, in the lesion, not far from its middle.
    """
    profiles = view.along(center_mm, sphere().directions, RADII_MM)
    inside_hu = view.median_near(center_mm, START_MM)
    alike = np.clip(1 - np.abs(profiles - np.float32(inside_hu)) / TOLERANCES_HU[:, None, None], -1, 1)
    costs = -np.cumsum(np.where(alike > 0, REWARD * alike, alike), axis=2) - EDGE * _drop(alike)
    radii = closed_surfaces(costs.astype(np.float32), SLOPE, MOST)
    return Candidates(center_mm, profiles, inside_hu, view.noise_hu, radii)


def _drop(alike: ndarray) -> ndarray:
    """Return by how much likeness falls, from the radii up to each one to the radii beyond it."""
    n = EDGE_STEPS
    wide = np.pad(alike, ((0, 0), (0, 0), (n, n + 1)), mode="edge")
    sums = np.pad(np.cumsum(wide, axis=2), ((0, 0), (0, 0), (1, 0)))
    within, beyond = (sums[:, :, s + n : s + n + RADII] - sums[:, :, s : s + RADII] for s in (1, n + 1))
    return np.asarray((within - beyond) / n)


def contrast_to_noise(found: Candidates) -> ndarray:
    """Return for each surface how far its inside lies from what is beyond it, as a ratio to the noise."""
    k, profiles = found.radii, found.profiles
    within = np.median(mean_between(profiles, np.zeros_like(k), k - 2), axis=1)
    beyond = mean_between(profiles, k + 2, k + 6)
    return np.asarray(np.median(np.abs(within[:, None] - beyond), axis=1) / (found.noise_hu + 5.0))


def features(found: Candidates) -> ndarray:
    """Return what the judge sees of each surface, (surfaces, features)."""
    k, profiles = found.radii, found.profiles
    within, beyond = mean_between(profiles, k - 2, k + 1), mean_between(profiles, k + 2, k + 5)
    step = np.abs(within - beyond)
    weight = RADII_MM**3 * (np.arange(RADII) <= k[:, :, None])
    total = weight.sum(axis=(1, 2))
    mean = (weight * profiles).sum(axis=(1, 2)) / total
    spread = np.sqrt((weight * (profiles - mean[:, None, None]) ** 2).sum(axis=(1, 2)) / total)
    contrast = np.abs(mean[:, None] - beyond)
    deeper = np.abs(mean_between(profiles, k - 5, k - 2) - mean_between(profiles, k - 1, k + 2))
    farther = np.abs(mean_between(profiles, k + 1, k + 4) - mean_between(profiles, k + 5, k + 8))
    ball = sphere()
    size = np.log(found.ball_mm)
    growth = np.diff(size)
    middle, low, lowest = np.quantile(step, [0.5, 0.2, 0.1], axis=1)
    contrast_middle, contrast_low = np.quantile(contrast, [0.5, 0.2], axis=1)
    noise = found.noise_hu + 6.0
    return np.stack(
        [
            *(np.log(one + 5) for one in (middle, low, lowest, contrast_middle, contrast_low, spread)),
            *(np.log(one / (spread + 5) + 0.05) for one in (middle, low, contrast_low)),
            *(np.log((one + 5) / (step + 5)).mean(axis=1) for one in (deeper, farther)),
            np.abs(k[:, ball.source] - k[:, ball.target]).mean(axis=1),
            np.log(RADII_MM[k]).std(axis=1),
            (k >= RADII - 2).mean(axis=1),
            size,
            np.append(growth, 1.0),
            np.insert(growth, 0, 1.0),
            np.log(TOLERANCES_HU / (contrast_middle + 5)),
            *(np.log(one / noise + 0.05) for one in (spread, middle, low)),
            np.abs((within - beyond).mean(axis=1)) / (step.mean(axis=1) + 3),
            np.log(TOLERANCES_HU),
        ],
        axis=1,
    )
