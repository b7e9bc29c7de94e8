"""Which kind of example a number is: constructed, self-supervised or supervised, by their shares."""

from collections.abc import Mapping

import numpy as np
from torch.utils.data import Dataset

from lesion_tracker.training.examples.example import Example


class MixedExamples(Dataset[Example]):
    """Numbered examples of several kinds; the number decides the kind, so a run can stop and go on anywhere.

    Args:
        kinds: by name, the examples and their share; the shares add up to 1.
        seed: of the run.

    Raises:
        ValueError: if the shares do not add up to 1.

    Source: Eq. 9 of Cai et al., Deep Lesion Tracker, CVPR 2021.
    """

    def __init__(self, kinds: Mapping[str, tuple[Dataset[Example], float]], seed: int) -> None:
        self.kinds = {name: (examples, share) for name, (examples, share) in kinds.items() if share > 0}
        self.seed = seed
        total = sum(share for _, share in self.kinds.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares of {list(kinds)} add up to {total:g}, not to 1")

    def kind(self, number: int) -> str:
        """Return the kind of example `number`."""
        left = float(np.random.default_rng([self.seed, number, 3]).random())
        for name, (_, share) in self.kinds.items():
            left -= share
            if left < 0:
                return name
        return name

    def __getitem__(self, number: int) -> Example:
        """Return example `number`."""
        return self.kinds[self.kind(number)][0][number]
