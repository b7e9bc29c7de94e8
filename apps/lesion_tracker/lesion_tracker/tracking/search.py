"""The network's answer for one lesion: a search crop round the expected point, as wide as it needs to be."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.cells import lps_from_cell
from lesion_tracker.network.inputs import Ball, HuSource, search_input, template_input
from lesion_tracker.network.lattice import search_grid, search_voxels, template_grid
from lesion_tracker.network.peaks import Peak, find_peak, second_peak
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.volumes.grid import Grid

SEARCH_MM = 48.0
"""A lesion is looked for at least this far from the expected point along every axis."""

WIDE_MM = 96.0
"""And this far where the first answer is poor."""

NARROW_MM = 28.0
"""And only so far where registration is sure, and the network then finds the lesion at its point."""

AGREE_MM = 6.0
"""Where its peak is farther from there, the search is not narrow."""

NARROW_VOXELS, SEARCH_VOXELS, WIDE_VOXELS = (search_voxels(mm) for mm in (NARROW_MM, SEARCH_MM, WIDE_MM))
"""The crops that the network reads for that, along x, y, z."""

RIVAL_MM = 15.0
"""A second peak counts as a rival from this distance on, or from one and a half radii."""

NEAR_MM = 8.0
"""The probability of a place is summed over cells this near to it."""

POOR_SCORE = 0.05
"""A right answer scores below this in about one of fifty; the search is then widened."""

PEAK_MM = 5.0
"""The logit of a place is the highest of the cells this near to it."""

RIVAL_RATIO = 0.7
EDGE_CELLS = 2


@dataclass(frozen=True)
class NetworkAnswer:
    """What the network says about one lesion.

    Args:
        center_mm: LPS of the follow-up.
        score: the peak of the score map, sigmoid of `logit`.
        logit: at the peak.
        rival_logit: at the next-highest peak.
        rival_mm: distance to it.
        edge_cells: cells between the peak and the border of the crop.
        widened: why the search was widened, or "".
        reach_mm: how far it was looked for along every axis, at least.
        scores: the map behind it.
        presence: logit of "it is there", uncalibrated; None from weights without the head that says it.
    """

    center_mm: PointMm
    score: float
    logit: float
    rival_logit: float
    rival_mm: float
    edge_cells: int
    widened: str = ""
    reach_mm: float = SEARCH_MM
    scores: "ScoreField | None" = None
    presence: float | None = None


@dataclass(frozen=True, eq=False)
class ScoreField:
    """The whole map behind an answer, so that any place in it can be asked about.

    Args:
        logits: (z, y, x) cells.
        grid: the search crop.
    """

    logits: torch.Tensor
    grid: Grid

    def at(self, place_mm: PointMm) -> tuple[float, float]:
        """Return the highest logit within 5 mm, and the probability (softmax of the map) within 8 mm of a place.

        Beyond the map it is (-20, 0).
        """
        near = _near(self.logits.shape, self.grid, place_mm)
        if not near.any():
            return -20.0, 0.0
        probability = torch.softmax(self.logits.flatten(), 0).view_as(self.logits).numpy()
        nearest = _near(self.logits.shape, self.grid, place_mm, PEAK_MM)
        highest = self.logits.numpy()[nearest if nearest.any() else near].max()
        return float(highest), float(probability[near].sum())

    def peaks(self, count: int, apart_mm: float) -> list[Peak]:
        """Return the highest peaks that are at least `apart_mm` from each other, highest first."""
        found = [find_peak(self.logits, self.grid)]
        left = self.logits
        while len(found) < count:
            left = torch.where(
                torch.from_numpy(_near(left.shape, self.grid, found[-1].center_mm, apart_mm)), -1e4, left
            )
            peak = find_peak(left, self.grid)
            if peak.logit <= -9e3:  # the whole map is near a higher peak
                break
            found.append(peak)
        return found


def search_sources(
    tracker: Tracker, baseline: HuSource, lesion: Ball, followup: HuSource, expected: Ball, *, sure: bool = False
) -> NetworkAnswer:
    """Look for a lesion in studies that need not be whole volumes: training has them otherwise.

    Args:
        tracker: published weights.
        baseline: the study in which the lesion is marked.
        lesion: its centre, LPS of the baseline, and radius, mm.
        followup: the other study.
        expected: centre, LPS of the follow-up, and radius, mm, as registration expects them.
        sure: registration is, so a narrow crop may do.

    Returns:
        The answer of a narrow crop where that is sure and clear and agrees; else of the first crop, or of the wider one
        where the first is poor and the wider one scores higher.
    """
    template = template_grid(lesion[0])
    kernels = tracker.kernels(*template_input(baseline, template, [lesion], tracker.config.heat_map_n))

    def look(size: tuple[int, int, int]) -> NetworkAnswer:
        grid = search_grid(expected[0], size)
        image, signal = search_input(followup, grid, [expected], tracker.config.heat_map_n)
        output = tracker.answer_to(kernels, image, signal)
        presence = None if output.presence is None else float(output.presence[0])
        return replace(answer_from_map(output.logits[0], grid, expected[1]), presence=presence)

    if sure:
        narrow = look(NARROW_VOXELS)
        if not poor(narrow) and float(np.linalg.norm(narrow.center_mm - expected[0])) <= AGREE_MM:
            return replace(narrow, reach_mm=NARROW_MM)
    first = look(SEARCH_VOXELS)
    reason = poor(first)
    if not reason:
        return first
    wide = look(WIDE_VOXELS)
    better = wide if wide.logit > first.logit + 0.5 else first
    return replace(better, widened=reason)


def answer_from_map(logits: torch.Tensor, grid: Grid, radius_mm: float) -> NetworkAnswer:
    """Read one map of logits, shape (z, y, x) cells, of the search crop `grid`."""
    peak = find_peak(logits, grid)
    rival = second_peak(logits, peak, grid, max(RIVAL_MM, 1.5 * radius_mm))
    return NetworkAnswer(
        center_mm=peak.center_mm,
        score=float(torch.sigmoid(torch.tensor(peak.logit))),
        logit=peak.logit,
        rival_logit=rival.logit,
        rival_mm=_distance(peak, rival),
        edge_cells=peak.edge_cells,
        scores=ScoreField(logits, grid),
    )


def poor(answer: NetworkAnswer) -> str:
    """Return why an answer asks for a wider search, or ""."""
    if answer.score < POOR_SCORE:
        return f"low peak ({answer.score:.2f})"
    if answer.edge_cells < EDGE_CELLS:
        return f"peak {answer.edge_cells} cells from the border of the search"
    rival = 1 / (1 + np.exp(min(-answer.rival_logit, 80.0)))
    if rival >= RIVAL_RATIO * answer.score:
        return f"second peak of {rival:.2f} beside {answer.score:.2f}, {answer.rival_mm:.0f} mm away"
    return ""


def _near(shape: torch.Size, grid: Grid, center_mm: PointMm, within_mm: float = NEAR_MM) -> np.ndarray:
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    cells = lps_from_cell(grid, np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    near: np.ndarray = (np.linalg.norm(cells - np.asarray(center_mm), axis=1) <= within_mm).reshape(tuple(shape))
    return near


def _distance(peak: Peak, rival: Peak) -> float:
    return float(np.linalg.norm(peak.center_mm - rival.center_mm))
