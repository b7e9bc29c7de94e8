"""Read two studies, track the lesions of the first in the second, and time the stages."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lesion_tracker.network.weights import Tracker
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.studies.study import study_id_of
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.track import track
from lesion_tracker.volumes.reader import read_volume


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


def run_pair(
    baseline: Path,
    followup: Path,
    lesions: Sequence[Lesion],
    method: str,
    model: Tracker | None,
    cache: RegistrationCache | None,
) -> PairRun:
    """Track lesions from one file or DICOM folder to another.

    Raises:
        StudyError: for a file that is no usable CT volume.
        PointOutsideError: for a lesion outside the baseline.
        RegistrationFailed, WeightsError: as `lesion_tracker.tracking.track.track`.
    """
    start = time.perf_counter()
    pair = Pair(read_volume(baseline), read_volume(followup), study_id_of(baseline), study_id_of(followup))
    loaded = time.perf_counter()
    tracks = track(pair, lesions, method, model=model, cache=cache)
    seconds = {
        "load": loaded - start,
        "registration": max(found.seconds.get("registration", 0.0) for found in tracks),  # once for all lesions
        "network": sum(found.seconds.get("network", 0.0) for found in tracks),
        "total": time.perf_counter() - start,
    }
    return PairRun(pair, tracks, {stage: round(value, 3) for stage, value in seconds.items()})
