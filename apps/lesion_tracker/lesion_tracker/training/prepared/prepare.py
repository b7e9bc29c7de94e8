"""A study to what training reads of it: resampled to the network's lattice, with a map of where it has structure."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from lesion_tracker.errors import FileFormatError
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.network.lattice import CELL_VOXELS, crop_grid
from lesion_tracker.training.prepared.prepared_study import Outline, PreparedStudy, balls_inside
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume

STRUCTURE_RADIUS_CELLS = 2
SMALLEST_HU, LARGEST_HU = -1024, 3071
SMALLEST_OUTLINE_ML = 0.05
"""Smaller parts of a mask are crumbs of its border."""


def prepare_study(
    name: str, volume: Volume, lesions: Sequence[tuple[Sequence[float], float]], mask: Volume | None = None
) -> PreparedStudy:
    """Resample a study to the lattice and measure where it has structure.

    Args:
        name: of the study.
        volume: in any orientation.
        lesions: each a centre (LPS mm) and a radius (mm).
        mask: 1 in real lesions, 0 elsewhere; each connected part becomes an outline.

    Raises:
        FileFormatError: if a value is not finite, a lesion lies outside its study, or the mask marks nothing in it.
    """
    if not np.isfinite(volume.hu).all():
        raise FileFormatError(f"{name}: {int((~np.isfinite(volume.hu)).sum())} voxels are NaN or infinite")
    low, high = volume.grid.bounds_mm()
    size = np.maximum(((high - low) / np.array(SPACING_MM)).astype(int) + 1, CELL_VOXELS)
    grid = crop_grid(low, (int(size[0]), int(size[1]), int(size[2])))
    hu = np.round(np.clip(resample(volume, grid).hu, SMALLEST_HU, LARGEST_HU)).astype(np.int16)
    rows = balls_inside(name, volume.grid, [[*center, radius] for center, radius in lesions])
    outlines = () if mask is None else _outlines(name, resample(mask, grid, 0.0).hu > 0.5)
    return PreparedStudy(name, Volume(hu, grid), measure_structure(hu), rows, outlines=outlines)


def _outlines(name: str, inside: np.ndarray) -> tuple[Outline, ...]:
    labels, _ = ndimage.label(inside)
    least = SMALLEST_OUTLINE_ML * 1000 / float(np.prod(SPACING_MM))
    found = []
    for number, (z, y, x) in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[z, y, x] == number
        if part.sum() >= least:
            found.append(Outline((int(x.start), int(y.start), int(z.start)), part))
    if not found:
        raise FileFormatError(f"{name}: its mask has no part of {SMALLEST_OUTLINE_ML:g} ml inside the study")
    return tuple(found)


def measure_structure(hu: np.ndarray) -> np.ndarray:
    """Return the standard deviation of HU (clipped to [-1000, 400]) in boxes of 5 x 5 x 5 cells round each cell.

    It is 0 outside of the body and within two cells of the skin: lesions are not drawn on the border to the room's air.
    """
    nz, ny, nx = (n // s for n, s in zip(hu.shape, CELL_VOXELS[::-1], strict=True))
    z, y, x = CELL_VOXELS[::-1]
    clipped = np.clip(hu[: nz * z, : ny * y, : nx * x], -1000, 400).astype(np.float32)
    cells = clipped.reshape(nz, z, ny, y, nx, x).mean(axis=(1, 3, 5))
    mean, square = _box_mean(cells), _box_mean(cells * cells)
    return np.where(_inside_body(cells), np.sqrt(np.maximum(square - mean * mean, 0)), 0).astype(np.float32)


def _inside_body(cells: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(ndimage.binary_opening(cells > -300, np.ones((1, 3, 3))))
    if not count:
        return np.zeros(cells.shape, dtype=bool)
    largest = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    filled = np.stack([ndimage.binary_fill_holes(level) for level in largest])
    return np.asarray(ndimage.binary_erosion(filled, np.ones((1, 5, 5)), border_value=1))


def _box_mean(cells: np.ndarray) -> np.ndarray:
    width = 2 * STRUCTURE_RADIUS_CELLS + 1
    for axis in range(3):
        padded = np.pad(cells, [(STRUCTURE_RADIUS_CELLS,) * 2 if a == axis else (0, 0) for a in range(3)], mode="edge")
        cells = np.lib.stride_tricks.sliding_window_view(padded, width, axis=axis).mean(axis=-1)
    return cells
