"""What another scanner would change in the picture: table, kernel, noise."""

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Hu
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import AIR_HU, Volume

BODY_HU = -350.0
COARSE_MM = 4.0
SKIN_MM = 6.0
"""Kept round the body when its old table is taken away."""
NOISE_SIGMA_VOXELS = 0.8
SHARPEN_AMOUNT = 1.0


def without_table(volume: Volume) -> Hu:
    """Return the HU (float32) with everything but the largest compact object set to −1024."""
    step = np.maximum(1, np.rint(COARSE_MM / volume.grid.spacing_mm)).astype(int)
    coarse = np.asarray(volume.hu[:: step[2], :: step[1], :: step[0]]) > BODY_HU
    spacing = (volume.grid.spacing_mm * step)[::-1]
    core = ndimage.binary_opening(coarse, _ball(spacing, 6.0))
    labels, count = ndimage.label(core)
    if count == 0:
        return np.array(volume.hu, dtype=np.float32)
    largest = labels == 1 + np.argmax(ndimage.sum_labels(core, labels, np.arange(1, count + 1)))
    body = coarse & ndimage.binary_dilation(largest, _ball(spacing, 10.0))
    body = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    keep = ndimage.binary_dilation(body, _ball(spacing, SKIN_MM))
    for axis in range(3):
        keep = np.repeat(keep, step[2 - axis], axis=axis)
    size = volume.grid.shape
    return np.where(keep[: size[0], : size[1], : size[2]], volume.hu, AIR_HU).astype(np.float32)


def _ball(spacing_mm: np.ndarray, radius_mm: float) -> np.ndarray:
    reach = [np.arange(-int(radius_mm / s), int(radius_mm / s) + 1) * s for s in spacing_mm]
    z, y, x = np.meshgrid(*reach, indexing="ij")
    return np.asarray(z**2 + y**2 + x**2 <= radius_mm**2)


def apply_kernel(hu: Hu, sigma_voxels: float) -> Hu:
    """Blur (sigma above 0) or sharpen (below 0) within the slices; returns HU of the same shape."""
    if sigma_voxels == 0:
        return hu
    sigma = abs(sigma_voxels)
    blurred = ndimage.gaussian_filter(hu, (0, sigma, sigma), mode="nearest")
    return blurred if sigma_voxels > 0 else np.asarray(hu + SHARPEN_AMOUNT * (hu - blurred))


def add_noise(hu: Hu, noise_hu: float, rng: np.random.Generator) -> Hu:
    """Add Gaussian noise of standard deviation `noise_hu`, correlated within the slice over about two pixels."""
    white = rng.standard_normal(hu.shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(white, (0, NOISE_SIGMA_VOXELS, NOISE_SIGMA_VOXELS), mode="wrap")
    return np.asarray(hu + noise * np.float32(noise_hu / noise.std()))


def draw_table(hu: Hu, grid: Grid, rng: np.random.Generator) -> Hu:
    """Return a copy with a curved table under the body: a shell of −100 HU about foam, the same in all slices.

    Args:
        hu: float32, on `grid`.
        grid: along the LPS axes; needs some air behind the body for the table to be seen whole.
        rng: draws curvature, place and thickness.
    """
    rows = np.flatnonzero((hu > BODY_HU).sum(axis=2).max(axis=0) > 8)
    back_y = float(rows.max()) if rows.size else hu.shape[1] - 1.0
    dx, dy = grid.spacing_mm[:2]
    x_mm = (np.arange(hu.shape[2]) - (hu.shape[2] - 1) / 2) * dx - rng.uniform(-15, 15)
    sag_mm = x_mm**2 / rng.uniform(900, 2500)
    top_mm = back_y * dy + rng.uniform(1.0, 4.0)
    depth_mm = np.arange(hu.shape[1])[:, None] * dy - (top_mm - sag_mm)[None]
    thickness_mm = rng.uniform(14.0, 20.0)
    inside = (depth_mm >= 0) & (depth_mm <= thickness_mm) & (np.abs(x_mm) < rng.uniform(190, 230))[None]
    shell = inside & ((depth_mm < 2.5) | (depth_mm > thickness_mm - 2.5))
    table = np.where(shell, -100.0, np.where(inside, -880.0, AIR_HU)).astype(np.float32)
    return np.where(hu < BODY_HU, np.maximum(hu, table[None]), hu)
