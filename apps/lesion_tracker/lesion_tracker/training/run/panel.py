"""A picture of one training example: template, search and score map, axial, with the true and the found place."""

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.config import WINDOWS_HU
from lesion_tracker.network.lattice import CELL_VOXELS
from lesion_tracker.network.peaks import find_peak
from lesion_tracker.training.examples.example import Example
from lesion_tracker.volumes.grid import Grid

TRUE_RGB, FOUND_RGB = (0, 255, 0), (255, 64, 64)
ARM = 4


def example_panel(example: Example, logits: torch.Tensor) -> np.ndarray:
    """Draw the first lesion of an example.

    Args:
        example: with its truth.
        logits: of its lesions, (L, cells z, y, x).

    Returns:
        uint8 RGB (rows, columns, 3): the template's slice through the lesion, the search's slice through the true place
        (through the found one where it has vanished), and the score map there. Green: true place; red: found place.
    """
    grid, inputs = example.inputs.search_grid, example.inputs
    peak = find_peak(logits[0].detach().float().cpu(), grid)
    truth = example.truth_mm[0]
    shown = peak.center_mm if truth is None else truth
    z = int(np.clip(round(float(grid.indices_from_lps(np.asarray(shown)[None])[0][2])), 0, grid.size[2] - 1))
    k, j, i = inputs.cells[0]
    template = _gray(inputs.template_image[0, :2, k * int(CELL_VOXELS[2])])
    x, y = (int((cell + 0.5) * size) for cell, size in zip((i, j), CELL_VOXELS, strict=False))
    _cross(template, x, y, TRUE_RGB)
    search = _gray(inputs.search_image[0, :2, z])
    score = torch.sigmoid(logits[0, min(z // int(CELL_VOXELS[2]), logits.shape[1] - 1)].detach().float().cpu())
    wide = F.interpolate(score[None, None], size=search.shape[:2], mode="nearest")[0, 0].numpy()
    heat = np.repeat((255 * wide).astype(np.uint8)[..., None], 3, axis=2)
    for picture in (search, heat):
        if truth is not None:
            _mark(picture, grid, truth, TRUE_RGB)
        _mark(picture, grid, peak.center_mm, FOUND_RGB)
    return _beside(template, search, heat)


def _gray(channels: torch.Tensor) -> np.ndarray:
    """Return soft tissue where it shows something, else the window of everything, so that lung is not black."""
    whole, tissue = channels.float().cpu().numpy()
    low, high = WINDOWS_HU[0]
    hu = (whole + 1) / 2 * (high - low) + low
    values = np.where(hu < WINDOWS_HU[1][0], (hu - low) / 2200, (tissue + 1) / 2 * 0.6 + 0.4)
    return np.repeat((255 * np.clip(values, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)


def _mark(picture: np.ndarray, grid: Grid, point_mm: PointMm, rgb: tuple[int, int, int]) -> None:
    x, y, _ = np.round(grid.indices_from_lps(np.asarray(point_mm)[None])[0]).astype(int)
    _cross(picture, int(x), int(y), rgb)


def _cross(picture: np.ndarray, x: int, y: int, rgb: tuple[int, int, int]) -> None:
    height, width = picture.shape[:2]
    if 0 <= x < width and 0 <= y < height:
        picture[y, max(0, x - ARM) : x + ARM + 1] = rgb
        picture[max(0, y - ARM) : y + ARM + 1, x] = rgb


def _beside(*pictures: np.ndarray) -> np.ndarray:
    height = max(picture.shape[0] for picture in pictures)
    padded = [np.pad(p, ((0, height - p.shape[0]), (0, 2), (0, 0))) for p in pictures]
    return np.concatenate(padded, axis=1)
