"""Score map to points: the highest cell, refined inside the cell, and the next-highest peak."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from lesion_tracker.arrays import PointMm, ScoreMap
from lesion_tracker.network.cells import lps_from_cell
from lesion_tracker.volumes.grid import Grid

STEPS = np.array(list(product((-1, 0, 1), repeat=3)))
"""A peak's cell and its 26 neighbours, as offsets (z, y, x)."""

SMOOTHING_CELLS = 1.4
"""Standard deviation of the smoothing; 0.8 to 1.4 were alike on held-out constructed pairs, 1.4 is nearest for targets."""

SMOOTHING_REACH = 3
"""Cells on either side that the smoothing takes in."""


@dataclass(frozen=True)
class Peak:
    """A local maximum of a score map.

    Args:
        center_mm: refined, LPS mm.
        cell: (z, y, x).
        logit: at the cell.
        edge_cells: cells between it and the border of the map, along the nearest axis.
    """

    center_mm: PointMm
    cell: tuple[int, int, int]
    logit: float
    edge_cells: int


def find_peak(logits: ScoreMap, search_grid: Grid) -> Peak:
    """Return the highest cell of a map of logits, refined inside the cell.

    Args:
        logits: shape (z, y, x); any map whose logarithm-like values are highest at the answer.
        search_grid: the crop that the map belongs to.

    Raises:
        ValueError: if a logit is not finite.
    """
    if not bool(torch.isfinite(logits).all()):
        raise ValueError(
            "the score map holds values that are not finite: the weights do not fit this processor's precision"
        )
    values = logits.detach().cpu().numpy()
    cell = np.unravel_index(int(values.argmax()), values.shape)
    z, y, x = (int(n) for n in cell)
    refined = np.array([z, y, x]) + refine(values, (z, y, x))
    center = lps_from_cell(search_grid, refined[::-1][None])[0]
    edge = min(min(n, size - 1 - n) for n, size in zip((z, y, x), values.shape, strict=True))
    return Peak(center, (z, y, x), float(values[z, y, x]), edge)


def second_peak(logits: ScoreMap, first: Peak, search_grid: Grid, apart_mm: float) -> Peak:
    """Return the highest cell that is not near another peak; one map holds one answer and its rivals.

    Args:
        logits: shape (z, y, x).
        first: the other peak.
        search_grid: the crop that the map belongs to.
        apart_mm: least distance from `first`.
    """
    shape = logits.shape
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    cells = np.stack([axes[2].ravel(), axes[1].ravel(), axes[0].ravel()], axis=1)
    distance = np.linalg.norm(lps_from_cell(search_grid, cells) - first.center_mm, axis=1).reshape(shape)
    masked = torch.where(torch.from_numpy(distance) < apart_mm, torch.tensor(-1e4), logits.detach().cpu())
    return find_peak(masked, search_grid)


def refine(values: np.ndarray, cell: tuple[int, int, int]) -> np.ndarray:
    """Return the offset (z, y, x) in cells, at most 1 each, from `cell` to the top of the map round it.

    The map is taken as the logarithm of a likelihood. The likelihood is smoothed with a Gaussian, which averages out the
    noise of single cells and spreads the one cell that a target sets to 1, and a parabola is fitted to the logarithm of
    what results: a smoothed Gaussian is a Gaussian with the same centre, so the fit is exact for a target of any width.
    Along an axis where the map is not concave, and on the border of the map, the cell's centre stays.

    Args:
        values: logits, or the logarithm of a score map, (z, y, x).
        cell: of the peak, (z, y, x).
    """
    if any(n == 0 or n == size - 1 for n, size in zip(cell, values.shape, strict=True)):
        return np.zeros(3)
    reach = SMOOTHING_REACH + 1
    padded = np.pad(values.astype(np.float64), reach, mode="reflect", reflect_type="odd")
    box = padded[tuple(slice(n, n + 2 * reach + 1) for n in cell)]
    likelihood = np.exp(np.minimum(box - values[cell], 0.0))
    taps = np.exp(-(np.arange(-SMOOTHING_REACH, SMOOTHING_REACH + 1) ** 2) / (2 * SMOOTHING_CELLS**2))
    for axis in range(3):
        windows = np.lib.stride_tricks.sliding_window_view(likelihood, len(taps), axis=axis)
        likelihood = windows @ (taps / taps.sum())
    heights = np.log(np.maximum(likelihood, 1e-300)).ravel()
    k, j, i = (STEPS[:, axis].astype(np.float64) for axis in range(3))
    design = np.stack([np.ones(len(STEPS)), k, j, i, k * k, j * j, i * i], axis=1)
    fit = np.linalg.lstsq(design, heights, rcond=None)[0]
    slope, bend = fit[1:4], fit[4:7]
    offset = np.where(bend < -1e-9, -slope / np.minimum(2 * bend, -1e-9), 0.0)
    return np.clip(offset, -1.0, 1.0)
