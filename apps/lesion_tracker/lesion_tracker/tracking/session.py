"""Read two studies, track the lesions of the first in the second, and time the stages."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lesion_tracker.errors import InputError
from lesion_tracker.network.weights import Tracker
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.studies.one_patient import pair_facts
from lesion_tracker.studies.reading import Reading
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.track import track

AS_IT_IS = Reading()
"""Nothing is accepted but CT."""


@dataclass(frozen=True, eq=False)
class PairRun:
    """What a run gave.

    Args:
        pair: the two studies.
        tracks: one per lesion, in their order.
        seconds: load, registration, network (of all lesions) and total.
    """

    pair: Pair
    tracks: list[Track]
    seconds: dict[str, float]


@dataclass(frozen=True, eq=False)
class LoadedPair:
    """A pair that was read.

    Args:
        pair: the two studies.
        load_s: seconds that reading took.
    """

    pair: Pair
    load_s: float


def run_pair(
    loaded: LoadedPair, lesions: Sequence[Lesion], method: str, model: Tracker | None, cache: RegistrationCache | None
) -> PairRun:
    """Track lesions from the first study of a pair to the second.

    Args:
        loaded: the pair.
        lesions: of the baseline, LPS mm.
        method: how to track.
        model: the network, or None.
        cache: of registrations, or None.

    Raises:
        PointOutsideError: for a lesion outside the baseline.
        RegistrationFailed, WeightsError: as `lesion_tracker.tracking.track.track`.
    """
    start, pair = time.perf_counter(), loaded.pair
    tracks = track(pair, lesions, method, model=model, cache=cache)
    seconds = {
        "load": loaded.load_s,
        "registration": max(found.seconds.get("registration", 0.0) for found in tracks),  # once for all lesions
        "network": sum(found.seconds.get("network", 0.0) for found in tracks),
        "total": loaded.load_s + time.perf_counter() - start,
    }
    return PairRun(pair, tracks, {stage: round(value, 3) for stage, value in seconds.items()})


def load_pair(baseline: Path, followup: Path, reading: Reading = AS_IT_IS, *, any_pair: bool = False) -> LoadedPair:
    """Read two studies; what their headers say against each other, or leave open, is among the follow-up's warnings.

    Args:
        baseline: a file, a folder with a series or with several, or `FOLDER#UID`.
        followup: the same of the later study.
        reading: what is accepted of the studies.
        any_pair: also where the headers name two patients, or the follow-up is the earlier one; every track then says so.

    Raises:
        InputError: for studies that are no pair by their headers.
        StudyError: for a file that is no usable CT volume.
    """
    start = time.perf_counter()
    (first, fixed), (later, moving) = (
        reading.study(baseline, has_lesions=True),
        reading.study(followup, has_lesions=False),
    )
    facts = pair_facts(first, later)
    if facts.refusals and not any_pair:
        raise InputError(
            f"{'; '.join(facts.refusals)}: the right studies, in the right order? To track all the same: --any-pair"
        )
    notes = (*facts.refusals, *facts.warnings, *moving.warnings)
    pair = Pair(fixed, replace(moving, warnings=notes), first.id, later.id)
    return LoadedPair(pair, time.perf_counter() - start)
