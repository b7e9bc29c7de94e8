"""Score map to points: the highest cell, refined inside the cell, and the next-highest peak."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from lib.arrays import PointMm, ScoreMap
from lib.decoding.cells import lps_from_cell
from lib.studies.grid import Grid

NEIGHBOURS = np.array([step for step in product((-1, 0, 1), repeat=3) if step != (0, 0, 0)])
"""The 26 cells round a peak, as offsets (z, y, x). The peak's own cell is left out of the fit: its target is set to 1."""


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
    """Return the highest cell at least `apart_mm` from `first`; one map holds one answer and its rivals."""
    shape = logits.shape
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    cells = np.stack([axes[2].ravel(), axes[1].ravel(), axes[0].ravel()], axis=1)
    distance = np.linalg.norm(lps_from_cell(search_grid, cells) - first.center_mm, axis=1).reshape(shape)
    masked = torch.where(torch.from_numpy(distance) < apart_mm, torch.tensor(-1e4), logits.detach().cpu())
    return find_peak(masked, search_grid)


def refine(values: np.ndarray, cell: tuple[int, int, int]) -> np.ndarray:
    """Return the offset (z, y, x) in cells from `cell` to the top of a parabola through its 26 neighbours.

    A Gaussian target is a parabola in its logarithm, so the fit is exact for it. Where the neighbours are not concave, or
    the cell lies on the border, that axis keeps the cell's centre; no offset exceeds one cell.
    """
    around = np.array(cell) + NEIGHBOURS
    inside = ((around >= 0) & (around < values.shape)).all(axis=1)
    if not inside.all():
        return np.zeros(3)
    k, j, i = (NEIGHBOURS[:, axis].astype(np.float64) for axis in range(3))
    design = np.stack([np.ones(26), k, j, i, k * k, j * j, i * i], axis=1)
    fit = np.linalg.lstsq(design, values[tuple(around.T)].astype(np.float64), rcond=None)[0]
    slope, bend = fit[1:4], fit[4:7]
    offset = np.where(bend < -1e-9, -slope / np.minimum(2 * bend, -1e-9), 0.0)
    return np.clip(offset, -1.0, 1.0)
