"""A surface to an outline: within a band round it, half of the contrast decides, as far as there is contrast."""

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Hu, PointMm
from lesion_tracker.measurement.sphere import at_offsets, smoothing, sphere
from lesion_tracker.measurement.surfaces import RADII_MM, STEP, mean_between
from lesion_tracker.measurement.view import axial_part, everywhere, points_of
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

BAND, LEAST_BAND_MM = (0.22, 0.35), 1.5
"""Half the width of the band: this share of the radius, first without any contrast, then with much; at least so many mm."""
OPENING = 0.1
"""Radius of the ball that every part of a lesion must hold, as a share of the lesion's."""
HALF_TRUST = 3.0
"""At this ratio of contrast to noise the picture counts as much as the surface."""
PULL = 0.15
BLUR_MM = 0.6


def outline(volume: Volume, center_mm: PointMm, radii: np.ndarray, profiles: np.ndarray, noise_hu: float) -> Volume:
    """Return how much of each voxel belongs to a lesion: the 0.5 contour is its outline.

    Args:
        volume: the study.
        center_mm: of the surface, LPS.
        radii: (directions,) of the surface, numbers of RADII_MM.
        profiles: (directions, radii), HU, round the same centre.
        noise_hu: of the profiles.

    Returns:
        In [0, 1], float32, on axial slices round the lesion; 0 at the border wherever the study goes on.
    """
    radius_mm = smoothing(60.0) @ (
        RADII_MM[radii] * STEP**0.5
    )  # the surface lies half a step beyond the last one inside
    ball_mm = float(np.cbrt((radius_mm**3).mean()))
    part = axial_part(volume, center_mm, float(radius_mm.max()) + max(LEAST_BAND_MM, BAND[1] * ball_mm) + 3.0)
    k = radii[None]
    outside = smoothing(25.0) @ mean_between(profiles, k + 2, k + 6)[0]
    inside_hu = float(np.median(mean_between(profiles, np.zeros_like(k), k - 2)))
    offsets = points_of(part.grid, everywhere(part.grid)) - center_mm
    surface_mm, outside_hu = at_offsets(np.stack([radius_mm, outside]), offsets.reshape(-1, 3)).reshape(
        2, *part.hu.shape
    )
    depth_mm = surface_mm - np.linalg.norm(offsets, axis=-1)
    spacing = part.grid.spacing_mm
    hu = ndimage.gaussian_filter(part.hu, [0.0, BLUR_MM / spacing[1], BLUR_MM / spacing[0]], truncate=3.0)
    ratio = ((inside_hu - outside_hu) / (noise_hu + 5.0)) ** 2
    trust = ratio / (ratio + HALF_TRUST**2)
    band_mm = np.maximum(LEAST_BAND_MM, (BAND[0] + (BAND[1] - BAND[0]) * trust**2) * ball_mm)
    cover = _cover(hu, depth_mm / band_mm, inside_hu, outside_hu, trust)
    nearest = np.unravel_index(np.linalg.norm(offsets, axis=-1).argmin(), cover.shape)
    cover[nearest] = max(float(cover[nearest]), 0.75)  # a lesion has one voxel at least
    return Volume(_one_body(cover, part.grid, OPENING * ball_mm), part.grid)


def radii_of(cover: Volume, center_mm: PointMm) -> np.ndarray:
    """Return the numbers of the radii, (directions,), up to which an outline reaches round a point."""
    points = center_mm + sphere().directions[:, None, :] * RADII_MM[:, None]
    index = cover.grid.indices_from_lps(points.reshape(-1, 3)).T[::-1]
    inside = ndimage.map_coordinates(cover.hu, index, order=1, mode="constant").reshape(points.shape[:2]) >= 0.5
    return np.asarray(np.where(inside.any(axis=1), len(RADII_MM) - 1 - inside[:, ::-1].argmax(axis=1), 0))


def _cover(hu: Hu, depth: Hu, inside_hu: float, outside_hu: Hu, trust: Hu) -> Hu:
    """Return the lesion's share of each voxel; `depth` is 1 at the inner and -1 at the outer end of the band."""
    contrast = inside_hu - outside_hu
    safe = np.where(np.abs(contrast) < 1.0, 1.0, contrast)
    seen = np.clip((hu - outside_hu) / safe, 0, 1)
    shape = np.clip(0.5 + depth / 2, 0, 1)
    mixed = trust * seen + (1 - trust) * shape + PULL * np.sign(depth) * np.minimum(depth**2, 1)
    return np.asarray(np.where(depth > 1, 1.0, np.where(depth < -1, 0.0, np.clip(mixed, 0, 1))))


def _one_body(cover: Hu, grid: Grid, opening_mm: float) -> Hu:
    """Take away thin processes and other bodies, fill holes; the contour elsewhere stays where it is."""
    body = cover > 0.5
    reach = np.rint(opening_mm / grid.spacing_mm).astype(int)
    if reach.max() > 0:
        z, y, x = np.ogrid[tuple(slice(-n, n + 1) for n in reach[::-1])]
        dx, dy, dz = grid.spacing_mm / np.maximum(opening_mm, grid.spacing_mm)
        opened = ndimage.binary_opening(body, (x * dx) ** 2 + (y * dy) ** 2 + (z * dz) ** 2 <= 1.001)
        body = opened if opened.any() else body
    labels, count = ndimage.label(body)
    if count > 1:
        body = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    body = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    inside = np.where(body, np.maximum(cover, 0.51), np.minimum(cover, 0.49))
    return np.where(ndimage.binary_dilation(body), inside, 0.0).astype(np.float32)
