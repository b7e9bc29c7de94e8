"""Numbered examples: example n of a seed is always the same, so a run can stop and go on anywhere."""

from collections.abc import Mapping

import numpy as np
from torch.utils.data import Dataset

from lesion_tracker.training.examples.example import Example, example_from_pair
from lesion_tracker.training.examples.kinds import Kind

CHOICE_STREAM = 3
"""Seeds the choice of the kind, as a kind's `stream` seeds its pairs."""


class NumberedExamples(Dataset[Example]):
    """Examples of one or several kinds, numbered from 0 without end; the number decides the kind.

    Args:
        kinds: by name; their shares add up to 1.
        heat_map_n: of the network: standard deviation of the anatomy signals in radii.
        place_sigma_mm: of the place's target.
        seed: of the run.

    Raises:
        ValueError: if the shares do not add up to 1.

    Source: Eq. 9 of Cai et al., Deep Lesion Tracker, CVPR 2021.
    """

    def __init__(self, kinds: Mapping[str, Kind], heat_map_n: float, place_sigma_mm: float, seed: int) -> None:
        total = sum(kind.share for kind in kinds.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares of {list(kinds)} add up to {total:g}, not to 1")
        self.kinds = dict(kinds)
        self.heat_map_n = heat_map_n
        self.place_sigma_mm = place_sigma_mm
        self.seed = seed

    def kind(self, number: int) -> str:
        """Return the kind of example `number`."""
        left = float(np.random.default_rng([self.seed, number, CHOICE_STREAM]).random())
        for name, kind in self.kinds.items():
            left -= kind.share
            if left < 0:
                return name
        return name

    def __getitem__(self, number: int) -> Example:
        """Return example `number`."""
        kind = self.kinds[self.kind(number)]
        pair = kind.draw(np.random.default_rng([self.seed, number, *kind.stream]))
        return example_from_pair(pair, self.heat_map_n, self.place_sigma_mm)
