"""One peer on one pair: points beside the truth, seconds, memory, or why it failed; in a process of the peer's own."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.built import Loaded
from benchmarks.accuracy.cases import SEED, NamedPair, constructed_cases, real_cases
from benchmarks.accuracy.data import FINAL
from benchmarks.peers.catalog import catalog
from benchmarks.peers.memory import PeakMemory
from benchmarks.peers.peer import FindPoints, Peer
from benchmarks.peers.subset import subset_of
from lesion_tracker.errors import LesionTrackerError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.registration.preload import preload


@dataclass(frozen=True)
class Job:
    """What another process needs to know.

    Args:
        peer: its name.
        case: the pair's name.
        lesions: how many of the subset, for a slow peer; None: all.
        data: folder with `pairs` and `volumes`.
        constructed: pairs that are constructed.
        model: folder of the published weights.
        device: of the networks.
    """

    peer: str
    case: str
    lesions: int | None
    data: Path
    constructed: int
    model: Path
    device: str


def cases_of(data: Path, constructed: int) -> list[NamedPair]:
    """Return the real pairs and some constructed ones; nothing is read yet but the lists.

    Raises:
        FileFormatError: for a list of pairs that is wrong.
    """
    return [*real_cases(data / "pairs"), *constructed_cases(data / "volumes", constructed, FINAL, SEED)]


def measure_job(job: Job) -> dict[str, Any]:
    """Measure in whatever process this is."""
    preload()
    case = next(case for case in cases_of(job.data, job.constructed) if case.name == job.case)
    peer = next(peer for peer in _peers(job.model, job.device) if peer.name == job.peer)
    if peer.find is None:
        raise ValueError(f"peer {peer.name!r} cannot be measured: {peer.lacking}")
    return measure(case, peer.find, job.lesions)


@cache
def _peers(model: Path, device: str) -> list[Peer]:
    """Return all rows, their weights read once in each process."""
    return catalog(model, device)


def measure(case: NamedPair, find: FindPoints, lesions: int | None) -> dict[str, Any]:
    """Return a record of plain JSON values; a failed peer answers with the place in the baseline.

    Args:
        case: the pair.
        find: the peer.
        lesions: how many of the subset; None: all that are there in the follow-up.
    """
    started = time.perf_counter()
    loaded = case.load()
    build_s = time.perf_counter() - started
    truth = [one for one in loaded.truth if one["counted"]]
    if lesions is not None:
        truth = subset_of(truth, case.name, lesions)
    record = {"pair": case.name, "data": case.data, "volume": case.volume, "truth": truth, "build_s": round(build_s, 2)}
    return {**record, **_found(loaded, truth, find)}


def _found(loaded: Loaded, truth: Sequence[dict[str, Any]], find: FindPoints) -> dict[str, Any]:
    lesions = [Lesion(one["id"], tuple(one["baseline_mm"]), one["radius_mm"]) for one in truth]
    try:
        with PeakMemory() as memory:
            points, seconds = find(loaded.pair, lesions)
    except (LesionTrackerError, RuntimeError, ValueError) as error:  # whatever a foreign package gives up with
        return failed(truth, f"{type(error).__name__}: {error}")
    if points.shape != (len(truth), 3) or not np.isfinite(points).all():
        return failed(truth, f"its points are wrong: shape {points.shape} for {len(truth)} lesions, or not finite")
    return {
        "points_mm": points.round(3).tolist(),
        "seconds": asdict(seconds),
        "peak_bytes": memory.bytes_,
        "failed": "",
    }


def failed(truth: Sequence[dict[str, Any]], why: str) -> dict[str, Any]:
    """Return the answers of a peer that gave none: the places in the baseline."""
    places = [list(one["baseline_mm"]) for one in truth]
    return {"points_mm": places, "seconds": None, "peak_bytes": None, "failed": why}
