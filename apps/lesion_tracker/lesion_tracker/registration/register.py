"""One door to registration: affine, deformable or B-spline, remembered on disk, never computed twice at a time."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any, Literal, get_args

from lesion_tracker.registration import affine, bspline, deformable
from lesion_tracker.registration.cache import RegistrationCache, pair_key
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

RegistrationMethod = Literal["affine", "deformable", "bspline"]

CODE_VERSION = 2
"""Raise it with every change that changes an answer: older entries of the cache are then not read any more."""

PARAMETERS: dict[str, dict[str, Any]] = {
    "affine": affine.PARAMETERS,
    "deformable": {**affine.PARAMETERS, **deformable.PARAMETERS},
    "bspline": {**affine.PARAMETERS, **bspline.PARAMETERS},
}

Compute = Callable[[], FollowupFromBaseline]


def register(
    baseline: Volume, followup: Volume, method: RegistrationMethod, cache: RegistrationCache | None = None
) -> FollowupFromBaseline:
    """Find where the points of a baseline lie in a follow-up; may be called from any number of threads.

    Args:
        baseline: the earlier study.
        followup: the later study.
        method: "affine", "deformable" or "bspline".
        cache: where answers are kept between calls; None remembers nothing.

    Returns:
        the map, with its quality numbers; `fallback` says if it is less than the method promised.

    Raises:
        RegistrationFailed: if no plausible map was found; the message gives the numbers.
        ValueError: for an unknown method.
    """
    if method not in get_args(RegistrationMethod):
        raise ValueError(f"method must be one of {get_args(RegistrationMethod)}, got {method!r}")
    key = pair_key(baseline, followup, method, {"version": CODE_VERSION, **PARAMETERS[method]})

    def compute() -> FollowupFromBaseline:
        started = time.perf_counter()
        found = _computed(baseline, followup, method, cache)
        logger.info("registered %s in %d ms: %s", method, 1000 * (time.perf_counter() - started), found.quality)
        return found

    return _once(key, compute if cache is None else lambda: cache.get(key, compute))


def _computed(
    baseline: Volume, followup: Volume, method: RegistrationMethod, cache: RegistrationCache | None
) -> FollowupFromBaseline:
    if method == "affine":
        return affine.register_affine(baseline, followup)
    start = register(baseline, followup, "affine", cache)
    if method == "deformable":
        return deformable.register_deformable(baseline, followup, start)
    return bspline.register_bspline(baseline, followup, start)


_running: dict[str, "Future[FollowupFromBaseline]"] = {}
_lock = Lock()


def _once(key: str, compute: Compute) -> FollowupFromBaseline:
    """Compute, or wait for the thread that computes the same already; an error reaches all who wait."""
    with _lock:
        running = _running.get(key)
        mine: Future[FollowupFromBaseline] = Future()
        if running is None:
            _running[key] = mine
    if running is not None:
        return running.result()
    try:
        answer = compute()
    except BaseException as error:
        mine.set_exception(error)
        raise
    else:
        mine.set_result(answer)
        return answer
    finally:
        with _lock:
            del _running[key]
