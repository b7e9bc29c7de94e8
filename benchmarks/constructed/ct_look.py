"""What a CT scanner and a contrast agent do to the picture: noise of a ramp filter, streaks, another contrast phase."""

import numpy as np
from scipy import fft, ndimage

from lesion_tracker.arrays import Hu

SLAB = 16
"""Slices filtered at a time."""


def add_ramp_noise(hu: Hu, noise_hu: float, cutoff: float, rng: np.random.Generator) -> Hu:
    """Add noise as filtered backprojection leaves it: its spectrum rises with the frequency and is cut off.

    Args:
        hu: shape (z, y, x), HU.
        noise_hu: standard deviation of the noise.
        cutoff: of the reconstruction kernel, in cycles per pixel; 0.15 is a soft one, 0.4 a sharp one.
        rng: of the noise.
    """
    fy, fx = np.meshgrid(fft.fftfreq(hu.shape[1]), fft.rfftfreq(hu.shape[2]), indexing="ij")
    frequency = np.hypot(fx, fy)
    ramp = (frequency * np.exp(-((frequency / cutoff) ** 4))).astype(np.float32)
    noisy = np.array(hu, dtype=np.float32)
    for start in range(0, hu.shape[0], SLAB):
        white = rng.standard_normal(noisy[start : start + SLAB].shape, dtype=np.float32)
        coloured = fft.irfft2(fft.rfft2(white) * ramp, s=hu.shape[1:])
        noisy[start : start + SLAB] += coloured * np.float32(noise_hu / coloured.std())
    return noisy


def add_streaks(hu: Hu, count: int, strength_hu: float, rng: np.random.Generator) -> Hu:
    """Add fans of dark and bright lines, a few slices thick, as dense bones and metal throw them.

    Args:
        hu: shape (z, y, x), HU.
        count: of fans.
        strength_hu: of a line at its source.
        rng: of their places.
    """
    streaked = np.array(hu, dtype=np.float32)
    y, x = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in hu.shape[1:]), indexing="ij")
    for _ in range(count):
        middle, source_y, source_x = rng.uniform(0.3, 0.7, 3) * hu.shape
        dy, dx = y - source_y, x - source_x
        waves = rng.uniform(4, 9, 3)
        phase = rng.uniform(0, 2 * np.pi, 3)
        angle = np.arctan2(dy, dx)
        fan = sum(np.sin(2 * round(float(w)) * angle + p) for w, p in zip(waves, phase, strict=True))
        fan = strength_hu * fan * np.exp(-np.hypot(dx, dy) / (0.25 * hu.shape[2]))
        for k in range(max(0, int(middle) - 3), min(hu.shape[0], int(middle) + 4)):
            streaked[k] += fan * np.exp(-(((k - middle) / 1.5) ** 2))
    return streaked


def change_contrast(hu: Hu, vessels_hu: float, tissue_hu: float, rng: np.random.Generator) -> Hu:
    """Change the contrast phase: vessels by one amount, parenchyma by another, unevenly over the body.

    Args:
        hu: shape (z, y, x), HU.
        vessels_hu: added at 130 to 250 HU.
        tissue_hu: added at 50 to 90 HU.
        rng: of the unevenness.
    """
    knots = [-40, 20, 50, 90, 130, 250, 380]
    added = [0, tissue_hu / 3, tissue_hu, tissue_hu, vessels_hu, vessels_hu, 0]
    table = np.interp(np.arange(-1024, 3072), knots, added).astype(np.float32)
    coarse = 1 + 0.3 * rng.standard_normal((4, 4, 4)).astype(np.float32)
    uneven = ndimage.zoom(coarse, (hu.shape[0] / 4, 12 / 4, 12 / 4), order=1, grid_mode=True, mode="nearest")
    changed = np.array(hu, dtype=np.float32)
    rows, columns = (np.linspace(0, 11, n) for n in hu.shape[1:])
    for k in range(hu.shape[0]):
        plane = ndimage.map_coordinates(
            uneven[min(k, len(uneven) - 1)], np.meshgrid(rows, columns, indexing="ij"), order=1
        )
        changed[k] += table[np.clip(np.rint(changed[k]), -1024, 3071).astype(int) + 1024] * plane
    return changed
