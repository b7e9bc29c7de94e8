"""The pairs of the benchmark: three real ones and thirty constructed ones."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.built import Loaded, built_once
from benchmarks.accuracy.data import FINAL, study
from benchmarks.constructed.hard_render import hard_pair
from benchmarks.constructed.hard_scenario import USUAL, Mix
from lesion_tracker.scoring.pairs_file import PairEntry, read_pairs
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.volumes.reader import read_volume

REAL = ("lung4dct", "acrin_silver", "acrin_nodes")
SEED = 20263
PAIRS = 30
"""Ten counted lesions each."""


@dataclass(frozen=True)
class NamedPair:
    """A pair by name; `load` reads or constructs it."""

    name: str
    data: str
    volume: str
    load: Callable[[], Loaded]


def real_cases(folder: Path, names: tuple[str, ...] = REAL) -> Iterator[NamedPair]:
    """Give the real pairs of a folder."""
    for data in names:
        for number, entry in enumerate(read_pairs(folder / f"{data}.json")):
            yield NamedPair(f"{data}/{number}", data, data, lambda entry=entry: _real(entry))  # type: ignore[misc]


def _real(entry: PairEntry) -> Loaded:
    truth = [
        {
            "id": lesion.lesion.id,
            "kind": "landmark",
            "change": "same",
            "baseline_mm": lesion.lesion.center_mm,
            "radius_mm": lesion.lesion.radius_mm,
            "followup_mm": lesion.followup_mm,
            "followup_radius_mm": lesion.score_radius_mm,
            "counted": True,
            "hard": False,
        }
        for lesion in entry.lesions
    ]
    return Loaded(Pair(read_volume(entry.baseline), read_volume(entry.followup)), truth, {})


def constructed_cases(
    folder: Path, count: int = PAIRS, volumes: tuple[str, ...] = FINAL, seed: int = SEED
) -> Iterator[NamedPair]:
    """Give constructed pairs of some studies in turn."""
    for number in range(count):
        name = volumes[number % len(volumes)]
        pair_number = number // len(volumes)

        def load(name: str = name, pair_number: int = pair_number) -> Loaded:
            return built_once(f"{name}_{seed}_{pair_number}", lambda: constructed_pair(folder, name, seed, pair_number))

        yield NamedPair(f"{name}/{pair_number}", "constructed", name, load)


def constructed_pair(folder: Path, name: str, seed: int, number: int, mix: Mix = USUAL) -> Loaded:
    """Construct one pair of a study, with its truth."""
    volume, places = study(folder, name)
    made = hard_pair(volume, places, seed + int.from_bytes(name.encode()[:6], "little"), number, mix)
    truth = [asdict(lesion) | {"counted": lesion.counted, "hard": lesion.hard} for lesion in made.scenario.lesions]
    return Loaded(Pair(made.baseline, made.followup), truth, made.scenario.to_json())


def shifted_clicks(truth: dict[str, Any], count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw clicks (count, 3), LPS mm, evenly from the ball of a quarter of the lesion's radius round its centre."""
    direction = rng.normal(size=(count, 3))
    length = 0.25 * truth["radius_mm"] * rng.random((count, 1)) ** (1 / 3)
    return np.asarray(truth["baseline_mm"] + direction / np.linalg.norm(direction, axis=1, keepdims=True) * length)
