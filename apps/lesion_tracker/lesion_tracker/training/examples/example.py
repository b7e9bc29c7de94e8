"""One training example: what the network reads, and what it should answer."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.anatomy_signal import anatomy_signal
from lesion_tracker.network.cells import score_target
from lesion_tracker.network.inputs import NetworkInput, network_input
from lesion_tracker.network.lattice import cell_grid
from lesion_tracker.training.examples.augmentation import transformed_signal
from lesion_tracker.training.examples.pair import ExamplePair
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.volumes.grid import Grid


@dataclass(frozen=True, eq=False)
class Example:
    """One step's input and truth.

    Args:
        inputs: of L lesions.
        targets: Y of each lesion, (L, z, y, x); all 0 where it is absent.
        places: narrow Gaussians that sum to 1, (L, z, y, x); all 0 where it is absent.
        truth_mm: for each lesion its centre in the follow-up (LPS), or None.
    """

    inputs: NetworkInput
    targets: torch.Tensor
    places: torch.Tensor
    truth_mm: tuple[PointMm | None, ...]


def example_from_pair(pair: ExamplePair, heat_map_n: float, place_sigma_mm: float) -> Example:
    """Build the input with the product's own function, and draw the targets.

    Args:
        pair: as it was drawn.
        heat_map_n: of the network: standard deviation of the anatomy signals in radii.
        place_sigma_mm: standard deviation of the place's target.
    """
    inputs = network_input(
        pair.baseline.source(),
        pair.template_grid,
        [(lesion.clicked_mm, lesion.radius_mm) for lesion in pair.lesions],
        pair.followup.source(),
        pair.search_grid,
        [(lesion.expected_mm, lesion.followup_radius_mm) for lesion in pair.lesions],
        heat_map_n,
    )
    if pair.signal_warp is not None:
        inputs = replace(inputs, search_signal=_warped_signals(pair, pair.signal_warp, heat_map_n))
    truths = [(lesion.followup_mm, lesion.followup_radius_mm) for lesion in pair.lesions]
    drawn = [_targets(pair.search_grid, truth, radius, place_sigma_mm) for truth, radius in truths]
    return Example(
        inputs,
        torch.stack([target for target, _ in drawn]),
        torch.stack([place for _, place in drawn]),
        tuple(truth for truth, _ in truths),
    )


def _warped_signals(pair: ExamplePair, warp: Warp, heat_map_n: float) -> torch.Tensor:
    expected = warp(np.stack([lesion.expected_mm for lesion in pair.lesions]))
    signals = [
        transformed_signal(pair.search_grid, warp, center, lesion.radius_mm, heat_map_n)
        for center, lesion in zip(expected, pair.lesions, strict=True)
    ]
    return torch.stack(signals)[:, None]


def _targets(grid: Grid, truth: PointMm | None, radius: float, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    if truth is None:
        nothing = torch.zeros(cell_grid(grid).shape)
        return nothing, nothing
    place = anatomy_signal(cell_grid(grid), truth, sigma, n=1.0)
    return score_target(grid, truth, radius), place / place.sum().clamp_min(1e-12)
