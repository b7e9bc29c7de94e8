"""One door to registration: by any of its methods, remembered on disk, never computed twice at a time."""

import logging
import time

from lesion_tracker.arrays import PointMm
from lesion_tracker.registration.cache import RegistrationCache, pair_key
from lesion_tracker.registration.local import PARAMETERS as LOCAL
from lesion_tracker.registration.local import register_locally, tile_of
from lesion_tracker.registration.methods import METHODS, all_parameters
from lesion_tracker.registration.once import Once
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

CODE_VERSION = 5
"""Raise it with every change that changes an answer: older entries of the cache are then not read any more."""

_under_way = Once[FollowupFromBaseline]()


def register(
    baseline: Volume, followup: Volume, method: str, cache: RegistrationCache | None = None
) -> FollowupFromBaseline:
    """Find where the points of a baseline lie in a follow-up; may be called from any number of threads.

    Args:
        baseline: the earlier study.
        followup: the later study.
        method: one of `lesion_tracker.registration.methods.METHODS`.
        cache: where answers are kept between calls; None remembers nothing.

    Returns:
        the best map there is, with its quality numbers; `fallback` says if it is less than the method promised, and
        `doubts` why a reader should look twice.

    Raises:
        RegistrationFailed: for a study without a body, and for studies that have nothing in common.
        ValueError: for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {tuple(METHODS)}, got {method!r}")
    key = _key(baseline, followup, method)

    def compute() -> FollowupFromBaseline:
        started = time.perf_counter()
        found = _computed(baseline, followup, method, cache)
        logger.info("registered %s in %d ms: %s", method, 1000 * (time.perf_counter() - started), found.quality)
        return found

    return _under_way.get(key, compute if cache is None else lambda: cache.get(key, compute))


def register_round(
    baseline: Volume,
    followup: Volume,
    affine: FollowupFromBaseline,
    center_mm: PointMm,
    cache: RegistrationCache | None = None,
) -> FollowupFromBaseline:
    """Find the map round a point of the baseline, as `register` does for whole studies; lesions near each other share one.

    Args:
        baseline: the earlier study.
        followup: the later study.
        affine: their affine map, of `register`.
        center_mm: LPS mm of the baseline.
        cache: where answers are kept between calls; None remembers nothing.
    """
    key = _key_round(baseline, followup, center_mm)

    def compute() -> FollowupFromBaseline:
        return register_locally(baseline, followup, affine, tile_of(center_mm))

    return _under_way.get(key, compute if cache is None else lambda: cache.get(key, compute))


def remembered(
    baseline: Volume, followup: Volume, method: str, cache: RegistrationCache
) -> FollowupFromBaseline | None:
    """Return what `register` has found and remembered, or None; computes nothing."""
    return cache.known(_key(baseline, followup, method))


def remembered_round(
    baseline: Volume, followup: Volume, center_mm: PointMm, cache: RegistrationCache
) -> FollowupFromBaseline | None:
    """Return what `register_round` has found and remembered, or None; computes nothing."""
    return cache.known(_key_round(baseline, followup, center_mm))


def _key_round(baseline: Volume, followup: Volume, center_mm: PointMm) -> str:
    parameters = {"version": CODE_VERSION, **all_parameters("affine"), **LOCAL, "tile": tile_of(center_mm)}
    return pair_key(baseline, followup, "local", parameters)


def _key(baseline: Volume, followup: Volume, method: str) -> str:
    return pair_key(baseline, followup, method, {"version": CODE_VERSION, **all_parameters(method)})


def _computed(baseline: Volume, followup: Volume, method: str, cache: RegistrationCache | None) -> FollowupFromBaseline:
    chosen = METHODS[method]
    starts = [register(baseline, followup, chosen.start, cache)] if chosen.start else []
    return chosen.find(baseline, followup, *starts)
