"""One pair, on whatever worker it lands: studies and lesions in, tracks out, all as plain values."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from lesion_tracker.commands.options import cache_of, tracker_of
from lesion_tracker.network.weights import Tracker
from lesion_tracker.readers.sizes import sized
from lesion_tracker.records.lesion import Lesion, marked_from_json
from lesion_tracker.records.track import Track
from lesion_tracker.studies.reading import Reading
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.session import load_pair, run_pair
from lesion_tracker.tracking.track import track

OPTIONS = ("method", "weights", "device", "cache")


def track_job(payload: dict[str, Any]) -> dict[str, Any]:
    """Track a pair.

    Args:
        payload: as `lesion_tracker.commands.cohort.plan.payload_of` makes it.

    Returns:
        The tracks and the seconds by stage, as in tracks.json.

    Raises:
        LesionTrackerError: why the pair could not be tracked.
    """
    options = tuple(payload[name] for name in OPTIONS)
    args = _arguments(options)
    marks = [marked_from_json(entry) for entry in payload["lesions"]]
    studies, any_pair = (Path(payload["baseline"]), Path(payload["followup"])), bool(payload.get("any_pair"))
    loaded = load_pair(*studies, reading_in(payload), any_pair=any_pair)
    lesions = sized(marks, loaded.pair.baseline, loaded.pair.baseline_id)
    done = run_pair(loaded, lesions, args.method, _tracker(options), cache_of(args))
    return {"tracks": [track.to_json() for track in done.tracks], "seconds": done.seconds}


def reading_in(options: Mapping[str, Any]) -> Reading:
    """Return what a cohort's options accept of a study."""
    return Reading(any_modality=bool(options.get("any_modality")), reformats=bool(options.get("reformats")))


def pair_tracker(payload: dict[str, Any]) -> Callable[[Pair, Sequence[Lesion]], list[Track]]:
    """Return what tracks lesions of a pair that is already read, with a payload's options."""
    options = tuple(payload[name] for name in OPTIONS)
    args = _arguments(options)
    return lambda pair, lesions: track(pair, lesions, args.method, model=_tracker(options), cache=cache_of(args))


@lru_cache(maxsize=1)
def _tracker(options: tuple[str | None, ...]) -> Tracker | None:
    """Return the network; loaded once a process."""
    return tracker_of(_arguments(options))


def _arguments(options: tuple[str | None, ...]) -> argparse.Namespace:
    method, weights, device, cache = options
    return argparse.Namespace(
        method=method, device=device, weights=Path(weights) if weights else None, cache=Path(cache) if cache else None
    )
