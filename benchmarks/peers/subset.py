"""The lesions that the slow peers are measured on: twenty, the same in every run, on as many pairs as there are for them."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from benchmarks.accuracy.cases import SEED, NamedPair

Truth = TypeVar("Truth")
"""A lesion's record."""

LESIONS = 20
MOST_PAIRS = 10


def subset_pairs(cases: Sequence[NamedPair], most: int = MOST_PAIRS) -> dict[str, int]:
    """Draw constructed pairs by the seed, and say how many lesions of each belong to the subset.

    Args:
        cases: all pairs; the real ones are left out here, because slow peers are measured on all of them.
        most: pairs.
    """
    names = sorted(case.name for case in cases if case.data == "constructed")
    drawn = [names[n] for n in np.random.default_rng([SEED, 20]).permutation(len(names))[:most]]
    return {name: LESIONS // len(drawn) + (place < LESIONS % len(drawn)) for place, name in enumerate(drawn)}


def subset_of(truth: Sequence[Truth], name: str, count: int) -> list[Truth]:
    """Draw lesions of a pair by the seed and the pair's name; they stay in their order.

    Args:
        truth: its lesions.
        name: of the pair.
        count: at most.
    """
    drawn = np.random.default_rng([SEED, *name.encode()]).permutation(len(truth))[:count]
    return [truth[n] for n in sorted(int(n) for n in drawn)]
