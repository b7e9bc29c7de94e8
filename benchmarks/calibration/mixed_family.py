"""Pairs of the benchmark's family with more lesions, and such that are made to fail: far motions, look-alikes, decoys."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.accuracy.built import Loaded, built_once
from benchmarks.accuracy.cases import NamedPair, constructed_pair
from benchmarks.calibration.fit import FAILING
from benchmarks.constructed.hard_scenario import Mix

USUAL = Mix(more=20, vanished=5)
MADE_TO_FAIL = Mix(
    hard=4,
    motion_mm=(30.0, 62.0),
    more=20,
    moving=2,
    vanished=5,
    changes=("look-alikes", "faded", "grown", "new neighbour"),
    decoys=True,
)
MIXES = {"usual": USUAL, FAILING: MADE_TO_FAIL}
TRIES = 6
"""A study may be too small for some of these scenarios; the next number is tried then."""


def mixed_cases(folder: Path, mix: str, count: int, volumes: tuple[str, ...], seed: int) -> Iterator[NamedPair]:
    """Give pairs of one of MIXES, of some studies in turn."""
    for number in range(count):
        name = volumes[number % len(volumes)]
        pair_number = number // len(volumes)

        def load(name: str = name, pair_number: int = pair_number) -> Loaded:
            return built_once(f"{mix}_{name}_{seed}_{pair_number}", lambda: _made(folder, mix, name, seed, pair_number))

        yield NamedPair(f"{mix}/{name}/{pair_number}", mix, name, load)


def _made(folder: Path, mix: str, name: str, seed: int, number: int) -> Loaded:
    """Construct one pair; of numbers that cannot be drawn the next ones are tried.

    Raises:
        ValueError: if none of them can be.
    """
    for later in range(TRIES):
        try:
            return constructed_pair(folder, name, seed + list(MIXES).index(mix), number + 1000 * later, MIXES[mix])
        except ValueError as error:
            problem = error
    raise ValueError(f"{name}: {TRIES} scenarios in a row did not fit into the study ({problem})")
