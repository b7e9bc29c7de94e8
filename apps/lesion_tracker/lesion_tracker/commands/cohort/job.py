"""One pair, on whatever worker it lands: studies and lesions in, tracks out, all as plain values."""

import argparse
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from lesion_tracker.commands.options import cache_of, track_options_of, tracker_of
from lesion_tracker.network.weights import Tracker
from lesion_tracker.readers.sizes import sized
from lesion_tracker.records.lesion import Lesion, marked_from_json
from lesion_tracker.records.track import Track
from lesion_tracker.studies.reading import Reading
from lesion_tracker.tracking.options import TRACK_OPTIONS
from lesion_tracker.tracking.pair import Pair, read_pair
from lesion_tracker.tracking.session import Opened, Tracked, session

OPTIONS = (*(option.name for option in TRACK_OPTIONS), "weights", "device", "cache")


def track_job(payload: dict[str, Any]) -> dict[str, Any]:
    """Track a pair.

    Args:
        payload: as `lesion_tracker.commands.cohort.plan.payload_of` makes it.

    Returns:
        The tracks and the seconds by stage, as in tracks.json.

    Raises:
        LesionTrackerError: why the pair could not be tracked.
    """
    marks = [marked_from_json(entry) for entry in payload["lesions"]]
    studies, any_pair = (Path(payload["baseline"]), Path(payload["followup"])), bool(payload.get("any_pair"))

    def opened() -> tuple[Pair, Sequence[Lesion]]:
        pair = read_pair(*studies, reading=reading_in(payload), any_pair=any_pair)
        return pair, sized(marks, pair.baseline, pair.baseline_id)

    done = _session(payload, opened)
    return {"tracks": [track.to_json() for track in done.tracks], "seconds": done.seconds}


def reading_in(options: Mapping[str, Any]) -> Reading:
    """Return what a cohort's options accept of a study."""
    return Reading(any_modality=bool(options.get("any_modality")), reformats=bool(options.get("reformats")))


def track_read_pair(payload: dict[str, Any], pair: Pair, lesions: Sequence[Lesion]) -> list[Track]:
    """Track lesions of a pair that is already read, with a payload's options."""
    return _session(payload, lambda: (pair, lesions)).tracks


def _session(payload: dict[str, Any], opened: Opened) -> Tracked:
    options = tuple(payload[name] for name in OPTIONS)
    args = _arguments(options)
    return session(
        opened,
        track_options_of(args),
        published=lambda: (_tracker(options), ""),
        cache=cache_of(args),
    )


@lru_cache(maxsize=1)
def _tracker(options: tuple[Any, ...]) -> Tracker | None:
    """Return the network; loaded once a process."""
    return tracker_of(_arguments(options))


def _arguments(options: tuple[Any, ...]) -> argparse.Namespace:
    values = dict(zip(OPTIONS, options, strict=True))
    folders = {name: Path(values[name]) if values[name] else None for name in ("weights", "cache")}
    return argparse.Namespace(**{**values, **folders})
