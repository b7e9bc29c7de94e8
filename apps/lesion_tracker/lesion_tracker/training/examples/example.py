"""Numbered training examples: example n of a seed is always the same, so a run can stop and go on anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.anatomy_signal import anatomy_signal
from lesion_tracker.network.cells import score_target
from lesion_tracker.network.inputs import NetworkInput, network_input
from lesion_tracker.network.lattice import cell_grid
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.pair import ExamplePair
from lesion_tracker.training.examples.scenario import ScenarioSettings, draw_pair
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.volumes.grid import Grid


@dataclass(frozen=True, eq=False)
class Example:
    """One step's input and truth.

    Args:
        inputs: of L lesions.
        targets: Y of each lesion, (L, z, y, x); all 0 where it has vanished.
        places: narrow Gaussians that sum to 1, (L, z, y, x); all 0 where it has vanished.
        truth_mm: for each lesion its centre in the follow-up (LPS), or None.
    """

    inputs: NetworkInput
    targets: torch.Tensor
    places: torch.Tensor
    truth_mm: tuple[PointMm | None, ...]


def example_from_pair(pair: ExamplePair, heat_map_n: float, place_sigma_mm: float) -> Example:
    """Build the input with the product's own function, and draw the targets."""
    inputs = network_input(
        pair.baseline.source(),
        pair.template_grid,
        [(lesion.clicked_mm, lesion.radius_mm) for lesion in pair.lesions],
        pair.followup.source(),
        pair.search_grid,
        [(lesion.expected_mm, lesion.followup_radius_mm) for lesion in pair.lesions],
        heat_map_n,
    )
    truths = [(lesion.followup_mm, lesion.followup_radius_mm) for lesion in pair.lesions]
    drawn = [_targets(pair.search_grid, truth, radius, place_sigma_mm) for truth, radius in truths]
    return Example(
        inputs,
        torch.stack([target for target, _ in drawn]),
        torch.stack([place for _, place in drawn]),
        tuple(truth for truth, _ in truths),
    )


def _targets(grid: Grid, truth: PointMm | None, radius: float, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    if truth is None:
        nothing = torch.zeros(cell_grid(grid).shape)
        return nothing, nothing
    place = anatomy_signal(cell_grid(grid), truth, sigma, n=1.0)
    return score_target(grid, truth, radius), place / place.sum().clamp_min(1e-12)


class ConstructedExamples(Dataset[Example]):
    """Examples on constructed follow-ups, numbered from 0.

    Args:
        studies: prepared ones.
        errors: of registration.
        settings: of the scenarios.
        heat_map_n: of the network.
        place_sigma_mm: of the place's target.
        seed: of the run.
        length: how many there are.
    """

    def __init__(
        self,
        studies: Sequence[PreparedStudy],
        errors: RegistrationErrors,
        settings: ScenarioSettings,
        heat_map_n: float,
        place_sigma_mm: float,
        seed: int,
        length: int,
    ) -> None:
        self.studies = studies
        self.errors = errors
        self.settings = settings
        self.heat_map_n = heat_map_n
        self.place_sigma_mm = place_sigma_mm
        self.seed = seed
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Example:
        """Return example `number`."""
        rng = np.random.default_rng([self.seed, number])
        pair = draw_pair(self.studies, self.errors, self.settings, rng)
        return example_from_pair(pair, self.heat_map_n, self.place_sigma_mm)
