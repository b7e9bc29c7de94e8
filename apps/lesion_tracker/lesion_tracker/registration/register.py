"""One door to registration: by any of its methods, remembered on disk, never computed twice at a time."""

import logging
import time
from collections.abc import Sequence

import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.registration.cache import RegistrationCache, pair_key
from lesion_tracker.registration.local import METHOD, ON_DEVICE, Tile, register_cubes, register_locally, tile_of
from lesion_tracker.registration.local import PARAMETERS as LOCAL
from lesion_tracker.registration.methods import METHODS, all_parameters
from lesion_tracker.registration.once import Once
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

CODE_VERSION = 7
"""Raise it with every change that changes an answer: older entries of the cache are then not read any more."""

TOGETHER = 16
"""So many cubes are registered in one batch on a device: 0.5 GB."""

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
    device: torch.device | None = None,
) -> FollowupFromBaseline:
    """Find the map round a point of the baseline, as `register` does for whole studies; lesions near each other share one.

    Args:
        baseline: the earlier study.
        followup: the later study.
        affine: their affine map, of `register`.
        center_mm: LPS mm of the baseline.
        cache: where answers are kept between calls; None remembers nothing.
        device: that computes it; None: the processor, by greedy.
    """
    if device is not None:
        return register_rounds(baseline, followup, affine, [center_mm], cache, device)[tile_of(center_mm)]
    key = _key_round(baseline, followup, tile_of(center_mm), METHOD)

    def compute() -> FollowupFromBaseline:
        return register_locally(baseline, followup, affine, tile_of(center_mm))

    return _under_way.get(key, compute if cache is None else lambda: cache.get(key, compute))


def register_rounds(
    baseline: Volume,
    followup: Volume,
    affine: FollowupFromBaseline,
    centers_mm: Sequence[PointMm],
    cache: RegistrationCache | None,
    device: torch.device,
) -> dict[Tile, FollowupFromBaseline]:
    """Find the maps round several points on a device, up to `TOGETHER` at a time; arguments as of `register_round`.

    Returns:
        the map of each cube, of `tile_of`.
    """
    found: dict[Tile, FollowupFromBaseline] = {}
    missing = []
    for tile in dict.fromkeys(tile_of(center) for center in centers_mm):
        known = None if cache is None else cache.known(_key_round(baseline, followup, tile, ON_DEVICE))
        if known is None:
            missing.append(tile)
        else:
            found[tile] = known
    for first in range(0, len(missing), TOGETHER):
        tiles = missing[first : first + TOGETHER]
        for tile, one in zip(tiles, register_cubes(baseline, followup, affine, tiles, device), strict=True):
            found[tile] = _kept(cache, _key_round(baseline, followup, tile, ON_DEVICE), one)
    return found


def _kept(cache: RegistrationCache | None, key: str, found: FollowupFromBaseline) -> FollowupFromBaseline:
    return found if cache is None else cache.get(key, lambda: found)


def remembered(
    baseline: Volume, followup: Volume, method: str, cache: RegistrationCache
) -> FollowupFromBaseline | None:
    """Return what `register` has found and remembered, or None; computes nothing."""
    return cache.known(_key(baseline, followup, method))


def remembered_round(
    baseline: Volume,
    followup: Volume,
    center_mm: PointMm,
    cache: RegistrationCache,
    device: torch.device | None = None,
) -> FollowupFromBaseline | None:
    """Return what `register_round` has found and remembered, or None; computes nothing."""
    method = METHOD if device is None else ON_DEVICE
    return cache.known(_key_round(baseline, followup, tile_of(center_mm), method))


def _key_round(baseline: Volume, followup: Volume, tile_mm: Tile, method: str) -> str:
    parameters = {"version": CODE_VERSION, **all_parameters("affine"), **LOCAL[method], "tile": tile_mm}
    return pair_key(baseline, followup, method, parameters)


def _key(baseline: Volume, followup: Volume, method: str) -> str:
    return pair_key(baseline, followup, method, {"version": CODE_VERSION, **all_parameters(method)})


def _computed(baseline: Volume, followup: Volume, method: str, cache: RegistrationCache | None) -> FollowupFromBaseline:
    chosen = METHODS[method]
    starts = [register(baseline, followup, chosen.start, cache)] if chosen.start else []
    return chosen.find(baseline, followup, *starts)
