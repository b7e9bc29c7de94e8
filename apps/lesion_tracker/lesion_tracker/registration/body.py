"""The body in a CT, without the table it lies on."""

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Hu, Mask

TISSUE_HU = -300.0
"""Everything denser than this is tissue, bone, cloth or table."""

PLATE_MM = 12.0
"""What is thinner than this in an axial slice, once the lungs are filled, is table, cloth or tube."""

SMALL_PART = 0.01
"""A separate part (an arm) stays if it holds at least this share of the largest part."""


def body_mask(hu: Hu, spacing_mm: float) -> Mask:
    """Mark the body, lungs and bowel gas included, table and cloths excluded.

    Args:
        hu: shape (z, y, x), HU, z along the body; cubic voxels.
        spacing_mm: edge of a voxel in mm, at most 8.

    Returns:
        the mask; all False if there is no body.
    """
    radius = max(1, round(PLATE_MM / 2 / spacing_mm))
    filled = _fill_slices(hu > TISSUE_HU)
    disk = _disk(radius)
    padded = np.pad(filled, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    core = ndimage.binary_opening(padded, disk)[:, radius:-radius, radius:-radius]
    core = _large_parts(core)
    return ndimage.binary_dilation(core, _disk(1)) & filled


def wipe_outside(hu: Hu, body: Mask, empty_hu: float) -> np.ndarray:
    """Return the image with air everywhere but in the body and the voxels that touch it."""
    near = ndimage.binary_dilation(body, _disk(1))
    return np.where(near, hu, np.float32(empty_hu)).astype(np.float32)


def _disk(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return ((x * x + y * y) <= radius * radius + 1)[None] if radius > 1 else np.ones((1, 3, 3), dtype=bool)


def _fill_slices(mask: Mask) -> Mask:
    """Fill, slice by slice, what is enclosed."""
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask]) if len(mask) else mask


def _large_parts(mask: Mask) -> Mask:
    """Keep the largest connected part and those not much smaller."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= max(1.0, SMALL_PART * sizes.max()))[labels]
