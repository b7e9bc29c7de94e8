"""Options that several commands share: what is asked of tracking, weights, device and cache; what is accepted of studies."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from lesion_tracker.errors import InputError
from lesion_tracker.network.weights import CARD_FILE, Tracker, load_tracker
from lesion_tracker.places import MODEL
from lesion_tracker.records.method import METHODS
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.studies.reading import Reading
from lesion_tracker.tracking.options import TRACK_OPTIONS, TrackOption, TrackOptions

CACHE_BYTES = 2 * 1024**3


def add_tracking_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of tracking (--method …), --weights, --device and --cache."""
    for option in TRACK_OPTIONS:
        parser.add_argument(
            f"--{option.name.replace('_', '-')}",
            type=partial(_value, option),
            choices=option.choices or None,
            default=option.default,
            help=f"{option.help} (default: %(default)s)",
        )
    parser.add_argument("--weights", type=Path, help="folder of a model and its card, or one of the two files")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep registrations here and use them again")


def track_options_of(args: argparse.Namespace) -> TrackOptions:
    """Return what the arguments ask of tracking."""
    return TrackOptions(**{option.name: getattr(args, option.name) for option in TRACK_OPTIONS})


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --reformats, --any-modality and --any-pair."""
    parser.add_argument(
        "--reformats", action="store_true", help="accept axial reformats (ImageType MPR or REFORMATTED)"
    )
    parser.add_argument("--any-modality", action="store_true", help="accept what is not CT, or whose values are no HU")
    parser.add_argument(
        "--any-pair",
        action="store_true",
        help="track although the headers name two patients, or the follow-up is the earlier study; every track says so",
    )


def reading_of(args: argparse.Namespace) -> Reading:
    """Return what the arguments accept of a study."""
    return Reading(any_modality=args.any_modality, reformats=args.reformats)


def tracker_of(args: argparse.Namespace) -> Tracker | None:
    """Return the network that the arguments ask for.

    Weights that are named must load. Without a name the published ones are taken; where none are published, a method
    that needs weights (`dlt`) cannot run, and others do without.

    Raises:
        WeightsError: for weights that are named or published, but missing, torn or of another network.
        InputError: for a device that is not there.
    """
    method = METHODS[args.method]
    if method.network == "unused":
        return None
    folder: Path = args.weights or MODEL
    folder = folder.parent if folder.is_file() else folder
    if not method.needs_weights and args.weights is None and not (folder / CARD_FILE).exists():
        return None
    try:
        return load_tracker(folder, args.device)
    except ValueError as error:
        raise InputError(f"--device: {error}") from None


def cache_of(args: argparse.Namespace) -> RegistrationCache | None:
    """Return the cache that --cache names, or None."""
    return RegistrationCache(args.cache, CACHE_BYTES) if args.cache else None


def _value(option: TrackOption, text: str) -> Any:
    """Return what a word of the command line says; the choices are argparse's to check, for its own words on them."""
    try:
        return text if option.choices else option.value(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
