"""The app's own methods as peers, each through the function that the server calls."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers.peer import FindPoints, Seconds
from lesion_tracker.arrays import PointsMm
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.session import session

CACHE_BYTES = 2 * 10**9


def app_method(method: str, model: Tracker | None = None, *, refine: bool = False) -> FindPoints:
    """Return one of the app's methods; its registrations are forgotten after each pair.

    Args:
        method: as in a request.
        model: weights, for "dlt" and "auto".
        refine: start "auto" from the map of the whole pair.
    """
    options = TrackOptions(method=method, measure="no", refine="yes" if refine else "no")

    def find(pair: Pair, lesions: Sequence[Lesion]) -> tuple[PointsMm, Seconds]:
        def tracked(some: Sequence[Lesion], cache: RegistrationCache) -> list[Track]:
            return session(lambda: (pair, some), options, published=lambda: (model, ""), cache=cache).tracks

        further = None
        with tempfile.TemporaryDirectory() as folder:
            cache = RegistrationCache(Path(folder), CACHE_BYTES)
            started = time.perf_counter()
            tracks = tracked(lesions[:1], cache)
            first = time.perf_counter() - started
            if len(lesions) > 1:
                started = time.perf_counter()
                tracks += tracked(lesions[1:], cache)
                further = (time.perf_counter() - started) / (len(lesions) - 1)
        return np.array([found.center_mm for found in tracks]), Seconds(first, further)

    return find
