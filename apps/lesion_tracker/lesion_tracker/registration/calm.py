"""Where an image is flat, its deformation follows the surroundings instead of the noise."""

import numpy as np
from scipy import ndimage

from lesion_tracker.registration.common_box import CommonPart

NOISE_HU = 40.0
"""A window whose standard deviation is this says as much by itself as its surroundings say."""

WINDOW = 5
REACH_MM = 16.0
WINDOW_HU = (-1000.0, 400.0)


def calmed(shift_mm: np.ndarray, part: CommonPart) -> np.ndarray:
    """Return the field, each node drawn to the average of its surroundings as far as the image is flat there.

    Args:
        shift_mm: (z, y, x, 3), mm, on the grid of `part`.
        part: what it was found on; beyond its mask the field is that of the nearest surroundings.

    Returns:
        float32, the same shape. Source: normalised convolution, H. Knutsson and C.-F. Westin, CVPR 1993.
    """
    hu = np.clip(part.fixed.image.hu, *WINDOW_HU)
    mean = ndimage.uniform_filter(hu, WINDOW)
    variance = np.maximum(ndimage.uniform_filter(hu * hu, WINDOW) - mean * mean, 0.0)
    sure = ndimage.gaussian_filter(variance / (variance + NOISE_HU**2) * part.mask, 1.0).astype(np.float32)
    sigma = REACH_MM / part.fixed.image.spacing_mm
    weight = ndimage.gaussian_filter(sure, sigma) + 1e-3
    result = np.empty(shift_mm.shape, dtype=np.float32)
    for axis in range(3):
        own = shift_mm[..., axis]
        around = ndimage.gaussian_filter(sure * own, sigma) / weight
        result[..., axis] = sure * own + (1.0 - sure) * around
    return result
