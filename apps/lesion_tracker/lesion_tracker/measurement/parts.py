"""What is left of an earlier outline: two bodies as dense as it was, apart from each other, where a lesion split."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from lesion_tracker.arrays import Mask, PointsMm
from lesion_tracker.measurement.cover import cover_of
from lesion_tracker.measurement.measure import measure
from lesion_tracker.measurement.view import axial_part, everywhere, points_of
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.volumes.volume import Volume

NEAR_MM, RIM_MM = 2.0, 6.0
"""How far registration and an outline may be off; how far what lies round a lesion is looked at."""
LEAST_HU = 20.0
"""Contrast below which an outline is not told from what lies round it."""
LEAST_SHARE, LEAST_MM3 = 0.15, 30.0
"""Of the larger part, and altogether, that the smaller one must have."""
BLUR_MM = 1.2
COMMON = 0.2
"""Share of the smaller part that both may have in common."""
ALIKE, DENSE = 0.5, (0.6, 2.0)
"""Shares of the contrast: from which on a voxel is the lesion's, and that a part has on the mean."""


@dataclass(frozen=True, eq=False)
class Held:
    """What an outline holds.

    Args:
        points_mm: (n, 3) that fill it, LPS.
        spacing_mm: largest distance of neighbouring points.
        contrast_hu: of its inside against its rim.
    """

    points_mm: PointsMm
    spacing_mm: float
    contrast_hu: float


def held(volume: Volume, outlined: Measurement) -> Held:
    """Return what an outline holds in its study."""
    center, reach = np.array(outlined.center_mm), float(outlined.long_axis_mm) / 2 + RIM_MM
    part = axial_part(volume, center, 1.5 * reach)
    inside = cover_of(outlined, part.grid)
    away = _depth(~inside, part.grid.spacing_mm)
    points = points_of(part.grid, everywhere(part.grid))
    rim = (away > NEAR_MM) & (away <= NEAR_MM + RIM_MM) & _scanned(volume, points)
    known = bool(inside.any() and rim.any())
    contrast = float(np.median(part.hu[inside]) - np.median(part.hu[rim])) if known else 0.0
    return Held(points[inside], float(part.grid.spacing_mm.max()), contrast)


def two_parts(volume: Volume, before: Held) -> tuple[Measurement, Measurement] | None:
    """Return the two largest parts of a lesion, the larger one first; None where it is not in two.

    Args:
        volume: the later study.
        before: what the earlier outline held, its points moved into the later study.
    """
    if len(before.points_mm) == 0 or abs(before.contrast_hu) < LEAST_HU:
        return None
    low, high = before.points_mm.min(axis=0), before.points_mm.max(axis=0)
    part = axial_part(volume, (low + high) / 2, float((high - low).max()) / 2 + NEAR_MM + RIM_MM)
    points, spacing = points_of(part.grid, everywhere(part.grid)), part.grid.spacing_mm
    reach = NEAR_MM + RIM_MM + before.spacing_mm / 2 + 0.1
    away = cKDTree(before.points_mm).query(points.reshape(-1, 3), distance_upper_bound=reach)[0]  # beyond: infinite
    away = away.reshape(part.hu.shape) - before.spacing_mm / 2
    hu = ndimage.gaussian_filter(part.hu, BLUR_MM / spacing[::-1], truncate=2.5)
    scanned = _scanned(volume, points)
    rim = (away > NEAR_MM) & (away <= NEAR_MM + RIM_MM) & scanned
    if not rim.any():
        return None
    level = float(np.median(hu[rim]))
    labels, count = ndimage.label(scanned & (away <= NEAR_MM) & ((hu - level) / before.contrast_hu > ALIKE))
    sizes = np.bincount(labels.ravel())[1:] * float(np.prod(spacing))
    if count < 2 or np.sort(sizes)[-2] < max(LEAST_MM3, LEAST_SHARE * sizes.max()):
        return None
    found = []
    for label in np.argsort(sizes)[:-3:-1] + 1:
        deepest = np.unravel_index(_depth(labels == label, spacing).argmax(), labels.shape)
        found.append(measure(volume, points[deepest]))
    one, other = (cover_of(each, part.grid) for each in found)
    apart = one.any() and other.any() and (one & other).sum() <= COMMON * min(one.sum(), other.sum())
    here = apart and all((away[each] <= NEAR_MM).mean() > 0.5 for each in (one, other))
    share = [(float(each.mean_hu or 0.0) - level) / before.contrast_hu for each in found]
    return (found[0], found[1]) if here and all(DENSE[0] <= each <= DENSE[1] for each in share) else None


def _scanned(volume: Volume, points_mm: np.ndarray) -> Mask:
    """Say which points, (z, y, x, 3), lie in a study: the corners of a box in an oblique one do not, and read as air."""
    return np.asarray(volume.grid.contains(points_mm.reshape(-1, 3)).reshape(points_mm.shape[:-1]))


def _depth(body: Mask, spacing: np.ndarray) -> np.ndarray:
    """Return how far each voxel of a body lies from what is none of it, mm."""
    return np.asarray(ndimage.distance_transform_edt(body, spacing[::-1]))
