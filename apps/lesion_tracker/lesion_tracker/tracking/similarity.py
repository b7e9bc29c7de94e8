"""How alike the surroundings of a lesion are in both studies, and how much of them was scanned."""

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.tracking.case import Case
from lesion_tracker.volumes.volume import AIR_HU, Volume

STEP_MM = 2.5
WINDOW_HU = (-1000.0, 400.0)
NOISE_HU = 15.0
"""Differences below this count as noise, so that two empty patches are not called alike."""


def patch_points(center_mm: PointMm, radius_mm: float) -> PointsMm:
    """Return the points of a ball round a lesion that holds it and its nearest surroundings, 2.5 mm apart."""
    reach = float(np.clip(1.5 * radius_mm + 6.0, 12.0, 30.0))
    steps = np.arange(-reach, reach + 1e-9, STEP_MM)
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    ball = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    return np.asarray(ball[(ball**2).sum(axis=1) <= reach**2] + np.asarray(center_mm))


def patch_similarity(
    baseline: Volume, followup: Volume, points_mm: PointsMm, mapped_mm: PointsMm
) -> tuple[float, float]:
    """Compare HU at points of the baseline with HU at the points that they are mapped to.

    Args:
        baseline: one study.
        followup: the other.
        points_mm: (n, 3), LPS of the baseline.
        mapped_mm: (n, 3), LPS of the follow-up.

    Returns:
        correlation of the HU, -1 to 1, of the points that both studies hold (0 if fewer than 30 do), and the share of
        the points that both hold, 0 to 1.
    """
    both = baseline.grid.contains(points_mm) & followup.grid.contains(mapped_mm)
    share = float(both.mean())
    if int(both.sum()) < 30:
        return 0.0, share
    a, b = hu_at(baseline, points_mm[both]), hu_at(followup, mapped_mm[both])
    a, b = np.clip(a, *WINDOW_HU), np.clip(b, *WINDOW_HU)
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt(((a * a).mean() + NOISE_HU**2) * ((b * b).mean() + NOISE_HU**2))
    return float((a * b).mean() / spread), share


def similarity_at(case: Case, place_mm: PointMm) -> tuple[float, float]:
    """Return how alike a lesion's surroundings are at a place of the follow-up, LPS mm.

    Returns:
        Their correlation, -1 to 1, and the share of them that both studies hold, 0 to 1.
    """
    points = patch_points(case.center_mm, case.radius_mm)
    mapped = shifted_map(case.registration, case.center_mm, place_mm, points)
    return patch_similarity(case.pair.baseline, case.pair.followup, points, mapped)


def shifted_map(
    registration: FollowupFromBaseline, center_mm: PointMm, answer_mm: PointMm, points_mm: PointsMm
) -> PointsMm:
    """Map points round a lesion as registration does, but with the lesion's centre going to `answer_mm`."""
    mapped = registration(points_mm)
    return np.asarray(mapped + (np.asarray(answer_mm) - registration(np.asarray(center_mm)[None])[0]))


def hu_at(volume: Volume, points_mm: PointsMm) -> np.ndarray:
    """Return HU at LPS points (n, 3), linear between voxels; the HU of air beyond the volume."""
    index = np.ascontiguousarray(volume.grid.indices_from_lps(points_mm).T[::-1])  # z, y, x; a row each is fast to read
    size = np.array(volume.grid.shape)
    low = np.clip(np.floor(index.min(axis=1)).astype(int) - 1, 0, size - 1)
    high = np.clip(np.ceil(index.max(axis=1)).astype(int) + 2, low + 1, size)
    part = volume.hu[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].astype(np.float32)
    index -= low[:, None]
    return np.asarray(ndimage.map_coordinates(part, index, order=1, mode="constant", cval=AIR_HU))
