"""One way to find lesions on one pair: seconds by the clock and of the processors, memory, exactness."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.accuracy.built import Loaded
from benchmarks.accuracy.cases import NamedPair
from benchmarks.peers.memory import PeakMemory
from benchmarks.peers.peer import FindPoints
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.tracking.session import session

COUNTS = (1, 5, 20, 100)
NEAR_MM = 60.0
"""Further lesions are drawn in a ball of this radius round the first, where the baseline has tissue."""

DRAWN, OWN, REGISTERED = "drawn within 60 mm", "the pair's own", "the pair's own, again"

TISSUE_HU = -900.0
NEGLIGIBLE = 0.03
"""Where all further lesions take less than this share of the first one's time, they are not taken out of it."""

CACHE_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Spent:
    """What something took.

    Args:
        seconds: by the clock.
        cpu_s: of all processors together, children included; the same on a busy machine but for what caches lose.
        peak_bytes: most resident memory at a time.
    """

    seconds: float
    cpu_s: float
    peak_bytes: int


def spent(work: Callable[[], Any]) -> tuple[Any, Spent]:
    """Do something, and return what it gave and took."""
    before, started = _cpu_s(), time.perf_counter()
    with PeakMemory() as memory:
        found = work()
    return found, Spent(time.perf_counter() - started, _cpu_s() - before, memory.bytes_)


def _cpu_s() -> float:
    own = psutil.Process()
    times = [one.cpu_times() for one in (own, *own.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def first_lesion(case: NamedPair, find: FindPoints) -> dict[str, Any]:
    """Find the lesions of a pair with nothing remembered: what the first one took, and the mean error of all."""
    loaded = case.load()
    truth = [one for one in loaded.truth if one["counted"] and not one.get("hard")]
    lesions = [Lesion(one["id"], tuple(one["baseline_mm"]), one["radius_mm"]) for one in truth]
    (points, seconds), took = spent(lambda: find(loaded.pair, lesions))
    error = np.linalg.norm(points - np.array([one["followup_mm"] for one in truth]), axis=1)
    if seconds.further is not None and seconds.further * (len(lesions) - 1) > NEGLIGIBLE * seconds.first:
        anew = case.load()  # something is kept with each volume
        _, took = spent(lambda: find(anew.pair, lesions[:1]))
    return {**vars(took), "error_mm": float(error.mean()), "lesions": len(lesions)}


def further_lesions(loaded: Loaded, model: Tracker, count: int, seed: int) -> dict[str, Any]:
    """Find so many lesions near the first by `auto`; of the pair, what the first needed is remembered."""
    first = loaded.lesions()[0]
    near = neighbours(loaded, first, count, np.random.default_rng([seed, count]))
    return {**_found_after(loaded, model, [first], near), "which": DRAWN}


def own_lesions(loaded: Loaded, model: Tracker) -> list[dict[str, Any]]:
    """Find the pair's own lesions but the first; then all over again, where the cubes round them are registered, too."""
    first, *others = loaded.lesions()
    return [
        {**_found_after(loaded, model, [first], others), "which": OWN},
        {**_found_after(loaded, model, [first, *others], others), "which": REGISTERED},
    ]


def _found_after(loaded: Loaded, model: Tracker, first: Sequence[Lesion], then: Sequence[Lesion]) -> dict[str, Any]:
    options = TrackOptions(measure="no")
    with tempfile.TemporaryDirectory() as folder:
        cache = RegistrationCache(Path(folder), CACHE_BYTES)

        def tracked(some: Sequence[Lesion]) -> None:
            session(lambda: (loaded.pair, some), options, published=lambda: (model, ""), cache=cache)

        tracked(first)
        _, took = spent(lambda: tracked(then))
    return {**vars(took), "count": len(then)}


def neighbours(loaded: Loaded, first: Lesion, count: int, rng: np.random.Generator) -> list[Lesion]:
    """Draw lesions round the first one."""
    volume = loaded.pair.baseline
    found: list[Lesion] = []
    while len(found) < count:
        point = np.array(first.center_mm) + rng.uniform(-NEAR_MM, NEAR_MM, 3)
        index = np.round(volume.grid.indices_from_lps(point[None])[0]).astype(int)
        inside = bool(volume.grid.contains(point[None])[0]) and np.linalg.norm(point - first.center_mm) <= NEAR_MM
        if inside and volume.hu[tuple(np.minimum(index, np.array(volume.grid.size) - 1)[::-1])] > TISSUE_HU:
            x, y, z = (float(v) for v in point)
            found.append(Lesion(f"n{len(found)}", (x, y, z), float(rng.uniform(4.0, 12.0))))
    return found
