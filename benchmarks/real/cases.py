"""The cases: evaluation files of real pairs, smaller fields of view of them, and slabs of one slice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.built import Loaded
from benchmarks.accuracy.cases import NamedPair, real_cases
from benchmarks.real.slabs import KINDS, slab_at
from benchmarks.registration.crops import cropped
from benchmarks.registration.real_pairs import real_pair
from lesion_tracker.scoring.pairs_file import LesionTruth, PairEntry, read_pairs
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.volumes.reader import read_volume

FILES = ("lung4dct", "acrin_silver", "acrin_nodes", "pancreas001")
FIELDS = ("lung4dct", "acrin_silver")
SLABS = {"lung4dct": 6, "acrin_silver": 6, "acrin_nodes": 3}
"""How many lesions of each file become slabs, spread over its levels; each both ways in time."""

MOST_POINTS = 3
"""Of a smaller field."""

RADIUS_MM = 8.0
"""Nominal, as that of the silver points."""

SEED = 5


def all_cases(pairs: Path) -> Iterator[NamedPair]:
    """Give all cases of a folder of pairs; `data` of each names its line of the table, `volume` its patient."""
    yield from (replace(case, data=f"{case.data}, whole") for case in real_cases(pairs, FILES))
    for name in FIELDS:
        yield from _fields(pairs, name)
    for name, count in SLABS.items():
        yield from _slabs(pairs, name, count)


def truth_of(name: str, before: np.ndarray, after: np.ndarray, radius_mm: float, **more: Any) -> dict[str, Any]:
    """Return the record of a lesion, as the accuracy benchmark has them."""
    return {
        "id": name,
        "baseline_mm": [float(v) for v in before],
        "radius_mm": radius_mm,
        "followup_mm": [float(v) for v in after],
        "followup_radius_mm": radius_mm,
        "counted": True,
        **more,
    }


def _fields(pairs: Path, name: str) -> Iterator[NamedPair]:
    draw = real_pair(pairs, name)
    for kind, small in cropped(draw, np.random.default_rng(0)):
        some = np.random.default_rng(SEED).permutation(len(small.inside))[:MOST_POINTS]
        places = zip(small.inside, small.truth(small.inside), strict=True)
        truth = [truth_of(f"p{n}", *place, RADIUS_MM) for n, place in enumerate(places) if n in some]
        loaded = Loaded(Pair(small.baseline, small.followup), truth, {})
        yield NamedPair(f"{name}, {kind}", f"{name}, smaller fields", name, lambda loaded=loaded: loaded)  # type: ignore[misc]


def _slabs(pairs: Path, name: str, count: int) -> Iterator[NamedPair]:
    entry = read_pairs(pairs / f"{name}.json")[0]
    marked = sorted(entry.lesions, key=lambda one: one.lesion.center_mm[2])
    chosen = [marked[int(n)] for n in np.linspace(0, len(marked) - 1, count).round()]
    for number, one in enumerate(chosen):
        for back in (False, True):
            kind = (number + 2 * back) % len(KINDS)
            way = "backward" if back else "forward"

            def load(one: LesionTruth = one, back: bool = back, kind: int = kind, number: int = number) -> Loaded:
                return slab_pair(entry, one, back, kind, np.random.default_rng([SEED, number, back]))

            title = f"{name}, slab at {one.lesion.id}, {way}, {KINDS[kind][0]}"
            yield NamedPair(title, f"{name}, slabs", name, load)


def slab_pair(entry: PairEntry, marked: LesionTruth, back: bool, kind: int, rng: np.random.Generator) -> Loaded:
    """Return two slabs through a lesion, the later state first if `back`; the truth counts in the plane alone."""
    _, change, beside = KINDS[kind]
    volumes, places = (
        [read_volume(entry.baseline), read_volume(entry.followup)],
        [
            np.array(marked.lesion.center_mm),
            np.array(marked.followup_mm),
        ],
    )
    if back:
        volumes, places = volumes[::-1], places[::-1]
    (before, at), (after, there) = slab_at(volumes[0], places[0]), slab_at(volumes[1], places[1], beside)
    truth = [truth_of(marked.lesion.id, at, there, float(marked.lesion.radius_mm), in_plane=True)]
    return Loaded(Pair(change(before, rng), change(after, rng)), truth, {})
