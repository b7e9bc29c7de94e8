"""The kinds of examples: how a pair of each is drawn, and which share of a run it has."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.pair import ExamplePair
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.examples.supervised import draw_supervised_pair
from lesion_tracker.training.prepared.prepared_pair import PreparedPair
from lesion_tracker.training.prepared.prepared_study import PreparedStudy

SMALLEST_SHARE = 1e-9
"""What rounding leaves of 1 - 0.7 - 0.3 is no share."""


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of examples.

    Args:
        share: of all examples, in [0, 1].
        draw: draws a pair; its generator is the only source of randomness.
        stream: numbers that its generators are seeded with beside the run's seed and the example's number.
    """

    share: float
    draw: Callable[[np.random.Generator], ExamplePair]
    stream: tuple[int, ...]


def kinds_of(
    shares: Mapping[str, float],
    studies: Sequence[PreparedStudy],
    pairs: Sequence[PreparedPair],
    errors: RegistrationErrors,
    settings: ScenarioSettings,
) -> dict[str, Kind]:
    """Return the kinds that have a share, in the order of the shares: the order decides which number is of which kind.

    Args:
        shares: of "constructed" follow-ups, "self_supervised" pairs (the paper's augmentations) and "supervised" ones.
        studies: that constructed and self-supervised pairs are made from.
        pairs: marked in both studies, for supervised ones.
        errors: of registration.
        settings: of crops and scenarios; only constructed pairs use its implants and motions.
    """
    kinds = {}
    for name, share in shares.items():
        if share <= SMALLEST_SHARE:
            continue
        if name == "constructed":
            kinds[name] = Kind(share, partial(draw_constructed_pair, studies, errors, settings), ())
        elif name == "self_supervised":
            from lesion_tracker.training.examples.self_supervised import (
                draw_self_supervised_pair,
            )  # imports MONAI: seconds that others need not pay

            kinds[name] = Kind(share, partial(draw_self_supervised_pair, studies, errors, settings), (1,))
        elif name == "supervised":
            kinds[name] = Kind(share, partial(draw_supervised_pair, pairs, errors, settings), (2,))
        else:
            raise ValueError(f"there is no kind of examples {name!r}")
    return kinds
