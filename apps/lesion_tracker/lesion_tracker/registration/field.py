"""The field of view: which voxels of a volume the scanner saw, and which were only filled in round it."""

import weakref

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Mask
from lesion_tracker.volumes.volume import Volume

PADDING_HU = -1100.0
"""No scanner measures less than this: whatever is darker was filled in (-2000, -3024)."""

RADIUS_MM = (60.0, 320.0)
"""Least and largest radius of a round field of view."""

LEAST_PADDED = 0.02
"""Share of a slice's pixels that a round field leaves in the corners at least, to be looked for."""

LEAST_ARC = 0.5
"""Share of the circle, as far as it lies in the slice, along which the padding must begin exactly at the circle."""

TRIES = 300

_paddings: "weakref.WeakKeyDictionary[Volume, Mask | None]" = weakref.WeakKeyDictionary()


def padding_of(volume: Volume) -> Mask | None:
    """Mark what was filled in and never scanned; remembered as long as the volume lives.

    Two things count as filled in: values below `PADDING_HU`, and, round a circle, columns that hold one and the same
    value in all slices. Air that was cleaned to one value keeps to no circle, and counts as scanned.

    Args:
        volume: of any orientation.

    Returns:
        shape of `volume.hu`, True where nothing was scanned; None where everything was.
    """
    if volume not in _paddings:
        _paddings[volume] = _padding(volume)
    return _paddings[volume]


def _padding(volume: Volume) -> Mask | None:
    dark = volume.hu < PADDING_HU
    axis = 2 - int(np.argmax(np.abs(volume.grid.direction[2])))  # of the array, along the body
    spacing = np.delete(volume.grid.spacing_mm[::-1], axis)
    corners = _beyond_circle(volume.hu, axis, spacing)
    if corners is not None:
        return np.asarray(dark | np.expand_dims(corners, axis))
    return dark if dark.any() else None


def _beyond_circle(hu: np.ndarray, axis: int, spacing_mm: np.ndarray) -> np.ndarray | None:
    """Return the pixels of a slice beyond a round field of view, or None if the field is not round."""
    low = hu.min(axis=axis)
    border = np.ones(low.shape, dtype=bool)
    border[1:-1, 1:-1] = False
    same = low == hu.max(axis=axis)
    if not (same & border).any():
        return None
    values, counts = np.unique(low[same & border], return_counts=True)
    same &= low == values[counts.argmax()]
    padded = ndimage.binary_propagation(same & border, mask=same)
    if padded.mean() < LEAST_PADDED or padded.all():
        return None
    rim = np.argwhere(padded & ndimage.binary_dilation(~padded)) * spacing_mm
    tolerance = 1.2 * float(spacing_mm.max())
    circle = _circle_through(rim, tolerance)
    if circle is None:
        return None
    center, radius = circle
    size = (np.array(low.shape) - 1) * spacing_mm
    row, column = np.indices(low.shape)
    away = np.hypot(row * spacing_mm[0] - center[0], column * spacing_mm[1] - center[1])
    beyond = away > radius + tolerance
    if not beyond.any() or padded[beyond].mean() < 0.995 or _arc(rim, center, radius, tolerance, size) < LEAST_ARC:
        return None
    return np.asarray(padded & (away > radius - tolerance))


def _circle_through(rim: np.ndarray, tolerance: float) -> tuple[np.ndarray, float] | None:
    """Return centre and radius of the circle that most points of a rim lie on, by three points drawn again and again."""
    if len(rim) < 20:
        return None
    rng = np.random.default_rng(3)
    best: tuple[int, np.ndarray, float] | None = None
    for _ in range(TRIES):
        found = _circle_of(rim[rng.choice(len(rim), 3, replace=False)])
        if found is None or not RADIUS_MM[0] <= found[1] <= RADIUS_MM[1]:
            continue
        near = np.abs(np.linalg.norm(rim - found[0], axis=1) - found[1]) < tolerance
        if best is None or int(near.sum()) > best[0]:
            best = int(near.sum()), *found
    if best is None:
        return None
    near = np.abs(np.linalg.norm(rim - best[1], axis=1) - best[2]) < tolerance
    return _circle_of(rim[near])


def _circle_of(points: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Return centre and radius of the circle through points (least squares), or None if they lie on a line."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    solution, _, rank, _ = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)
    if rank < 3:
        return None
    return solution[:2], float(np.sqrt(max(solution[2] + solution[:2] @ solution[:2], 0.0)))


def _arc(rim: np.ndarray, center: np.ndarray, radius: float, tolerance: float, size: np.ndarray) -> float:
    """Return along which share of the circle, as far as it lies in the slice, the rim is there."""
    near = rim[np.abs(np.linalg.norm(rim - center, axis=1) - radius) < tolerance] - center
    covered = np.unique((np.degrees(np.arctan2(near[:, 0], near[:, 1])) // 5).astype(int)).size
    angles = np.radians(np.arange(-177.5, 180.0, 5.0))
    circle = center + radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    return covered / max(int(((circle > 0) & (circle < size)).all(axis=1).sum()), 18)
