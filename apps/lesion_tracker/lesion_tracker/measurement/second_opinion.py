"""A second outline, by other means: the component of voxels alike whose border is sharpest and whose form is roundest."""

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Mask, PointMm
from lesion_tracker.measurement.candidates import START_MM, TOLERANCES_HU
from lesion_tracker.measurement.view import View, everywhere, points_of
from lesion_tracker.volumes.volume import Volume


def second_outline(view: View, center_mm: PointMm) -> Volume:
    """Return the likeliest component, 0 or 1, float32, on the axial slices of the fine or of the coarse view.

    For each tolerance: the voxels within it of the inside's HU, opened by a cross, and of them what holds the point (or
    lies nearest). The likeliest has the greatest product of its border's gradient, over the noise, and its roundness.

    Args:
        view: of the study.
        center_mm: the click, LPS.

    Returns:
        All 0 where no component stays within the views.
    """
    inside_hu = view.median_near(center_mm, START_MM)
    best, chosen = -1.0, Volume(np.zeros(view.near.hu.shape, dtype=np.float32), view.near.grid)
    for part in (view.near, view.far):
        spacing = part.grid.spacing_mm[::-1]
        distance = np.linalg.norm(points_of(part.grid, everywhere(part.grid)) - center_mm, axis=-1)
        slopes = np.sqrt(sum(ndimage.sobel(part.hu, axis) ** 2 / (32 * spacing[axis]) ** 2 for axis in range(3)))
        reach = min(float(distance[:, :, 0].min()), float(distance[:, 0].min()))
        for tolerance in TOLERANCES_HU:
            body = _component(np.abs(part.hu - inside_hu) < tolerance, distance)
            if body is None or distance[body].max() > reach:
                continue
            score = _likelihood(body, slopes, distance, float(np.prod(spacing)), view.noise_hu)
            if score > best:
                best, chosen = score, Volume(body.astype(np.float32), part.grid)
    return chosen


def _component(alike: Mask, distance: np.ndarray) -> Mask | None:
    labels, count = ndimage.label(ndimage.binary_opening(alike))
    if count == 0:
        return None
    nearest = np.unravel_index(np.where(labels > 0, distance, np.inf).argmin(), labels.shape)
    if distance[nearest] > START_MM:
        return None
    return np.asarray(ndimage.binary_fill_holes(labels == labels[nearest]))


def _likelihood(body: Mask, slopes: np.ndarray, distance: np.ndarray, voxel_mm3: float, noise_hu: float) -> float:
    border = body & ~ndimage.binary_erosion(body)
    ball_mm = float(np.cbrt(body.sum() * voxel_mm3 * 3 / (4 * np.pi)))
    roundness = min(1.0, ball_mm / float(distance[body].max() + 1e-6))
    return float(np.log1p(np.median(slopes[border]) * ball_mm**0.5 / (noise_hu + 3.0))) * roundness
