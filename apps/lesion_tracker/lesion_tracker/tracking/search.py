"""The network's answer for one lesion: a search crop round the expected point, as wide as it needs to be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from lesion_tracker.arrays import PointMm, PointsMm
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

TOGETHER = 4
"""So many crops of one size are read in one batch, of a processor: 10 % faster each than one by one, more of them no faster;
the widest are read one by one. The answers are the same to the last bit."""

TOGETHER_ON_DEVICE = 16

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
        away = self._distances(place_mm)
        near, nearest = away <= NEAR_MM, away <= PEAK_MM
        if not near.any():
            return -20.0, 0.0
        highest = self.logits.numpy()[nearest if nearest.any() else near].max()
        return float(highest), float(self._probability[near].sum())

    @cached_property
    def _probability(self) -> np.ndarray:
        return torch.softmax(self.logits.flatten(), 0).view_as(self.logits).numpy()

    @cached_property
    def _cells_mm(self) -> PointsMm:
        k, j, i = np.indices(self.logits.shape).reshape(3, -1)
        return lps_from_cell(self.grid, np.stack([i, j, k], axis=1))

    def _distances(self, place_mm: PointMm) -> np.ndarray:
        """Return how far each cell (z, y, x) is from a place, mm."""
        return np.asarray(np.linalg.norm(self._cells_mm - place_mm, axis=1).reshape(self.logits.shape))

    def peaks(self, count: int, apart_mm: float) -> list[Peak]:
        """Return the highest peaks that are at least `apart_mm` from each other, highest first."""
        found = [find_peak(self.logits, self.grid)]
        left = self.logits
        while len(found) < count:
            left = left.masked_fill(torch.from_numpy(self._distances(found[-1].center_mm) <= apart_mm), -1e4)
            peak = find_peak(left, self.grid)
            if peak.logit <= -9e3:  # the whole map is near a higher peak
                break
            found.append(peak)
        return found


@dataclass(frozen=True, eq=False)
class Sought:
    """A lesion that is looked for, in studies that need not be whole volumes: training has them otherwise.

    Args:
        baseline: the study in which the lesion is marked.
        lesion: its centre, LPS of the baseline, and radius, mm.
        followup: the other study.
        expected: centre, LPS of the follow-up, and radius, mm, as registration expects them.
        sure: registration is, so a narrow crop may do.
    """

    baseline: HuSource
    lesion: Ball
    followup: HuSource
    expected: Ball
    sure: bool = False


def search_sources(
    tracker: Tracker, baseline: HuSource, lesion: Ball, followup: HuSource, expected: Ball, *, sure: bool = False
) -> NetworkAnswer:
    """Look for one lesion; arguments as of `Sought`, the answer as of `search_together`."""
    return search_together(tracker, [Sought(baseline, lesion, followup, expected, sure)])[0]


def search_together(
    tracker: Tracker, sought: Sequence[Sought], going_on: Callable[[], None] = lambda: None
) -> list[NetworkAnswer]:
    """Look for lesions, several crops at a time; each answer is that of its lesion alone.

    Args:
        tracker: published weights.
        sought: the lesions.
        going_on: called before each batch; what it raises ends the search.

    Returns:
        For each the answer of a narrow crop where that is sure and clear and agrees; else of the first crop, or of the wider
        one where the first is poor and the wider one scores higher.
    """
    count = TOGETHER if tracker.device.type == "cpu" else TOGETHER_ON_DEVICE
    groups = [sought[first : first + count] for first in range(0, len(sought), count)]
    found: list[NetworkAnswer] = []
    for group in groups:
        going_on()
        found += _Group(tracker, group).answers()
    return found


class _Group:
    """Lesions whose crops are read in one batch."""

    def __init__(self, tracker: Tracker, sought: Sequence[Sought]) -> None:
        self.tracker, self.sought = tracker, sought
        n = tracker.config.heat_map_n
        made = [template_input(one.baseline, template_grid(one.lesion[0]), [one.lesion], n) for one in sought]
        images, signals, cells = zip(*made, strict=True)
        self.kernels = tracker.kernels(torch.cat(images), torch.cat(signals), [cell for (cell,) in cells])

    def answers(self) -> list[NetworkAnswer]:
        found: dict[int, NetworkAnswer] = {}
        for number, answer in self._look([n for n, one in enumerate(self.sought) if one.sure], NARROW_VOXELS):
            apart = np.linalg.norm(answer.center_mm - self.sought[number].expected[0])
            if not poor(answer) and float(apart) <= AGREE_MM:
                found[number] = replace(answer, reach_mm=NARROW_MM)
        for number, first in self._look([n for n in range(len(self.sought)) if n not in found], SEARCH_VOXELS):
            found[number] = replace(first, widened=poor(first))
        for number in [n for n, one in found.items() if one.widened]:
            first = found[number]
            ((_, wide),) = self._look([number], WIDE_VOXELS)
            found[number] = replace(wide, widened=first.widened) if wide.logit > first.logit + 0.5 else first
        return [found[number] for number in range(len(self.sought))]

    def _look(self, numbers: list[int], size: tuple[int, int, int]) -> list[tuple[int, NetworkAnswer]]:
        """Look for some of the lesions, by their numbers, in crops of one size."""
        if not numbers:
            return []
        some = [self.sought[number] for number in numbers]
        grids = [search_grid(one.expected[0], size) for one in some]
        n = self.tracker.config.heat_map_n
        made = [search_input(one.followup, grid, [one.expected], n) for one, grid in zip(some, grids, strict=True)]
        images, signals = zip(*made, strict=True)
        kernels = [kernel.of(numbers) for kernel in self.kernels]
        output = self.tracker.answer_to(kernels, torch.cat(images), torch.cat(signals))
        answers = [
            answer_from_map(logits, grid, one.expected[1])
            for logits, grid, one in zip(output.logits, grids, some, strict=True)
        ]
        if output.presence is not None:
            answers = [replace(a, presence=float(p)) for a, p in zip(answers, output.presence, strict=True)]
        return list(zip(numbers, answers, strict=True))


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


def _distance(peak: Peak, rival: Peak) -> float:
    return float(np.linalg.norm(peak.center_mm - rival.center_mm))
