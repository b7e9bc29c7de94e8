"""The one way to track: open two studies, find the lesions of the first in the second, and say what took how long.

The server, the command line, cohorts and benchmarks all come through here.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lesion_tracker.network.tracker import Tracker
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.track import track

Opened = Callable[[], tuple[Pair, Sequence[Lesion]]]
"""Gives two studies, and the lesions of the baseline, whose centres are LPS mm."""

TrackerSource = Callable[[], tuple[Tracker | None, str]]
"""Gives the network, or None and why there is none."""


@dataclass(frozen=True, eq=False)
class Tracked:
    """What a session gave.

    Args:
        pair: the two studies.
        lesions: of the baseline.
        tracks: one per lesion, in their order.
        seconds: load; registration, which is once for all lesions, and waits where another thread computes the same;
            network, the sum of the lesions; total, by the clock.
    """

    pair: Pair
    lesions: Sequence[Lesion]
    tracks: list[Track]
    seconds: dict[str, float]


def session(
    opened: Opened,
    options: TrackOptions | None = None,
    *,
    published: TrackerSource | None = None,
    cache: RegistrationCache | None = None,
    going_on: Callable[[], None] | None = None,
) -> Tracked:
    """Track lesions from one study to another.

    Args:
        opened: reads both studies, or gives those that are read already; with the lesions of the baseline.
        options: what is asked for; None: the defaults.
        published: gives the network; None: there is none.
        cache: of registrations; None: each is computed anew.
        going_on: called before each stage and each few lesions; what it raises ends the session.

    Raises:
        StudyError: for a file that is no usable CT volume.
        PointOutsideError, RegistrationFailed, WeightsError: as `lesion_tracker.tracking.track.track`.
    """
    started = time.perf_counter()
    pair, lesions = opened()
    loaded = time.perf_counter()
    model, problem = published() if published is not None else (None, "")
    tracks = track(
        pair, lesions, options or TrackOptions(), model=model, problem=problem, cache=cache, going_on=going_on
    )
    seconds = {
        "load": loaded - started,
        "registration": max((one.seconds.get("registration", 0.0) for one in tracks), default=0.0),  # the same for all
        "network": sum(one.seconds.get("network", 0.0) for one in tracks),
        "total": time.perf_counter() - started,
    }
    return Tracked(pair, lesions, tracks, {stage: round(value, 3) for stage, value in seconds.items()})
