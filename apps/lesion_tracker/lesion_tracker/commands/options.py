"""Options that several commands share: method, weights, device and cache; what is accepted of studies."""

import argparse
from pathlib import Path

from lesion_tracker.errors import InputError
from lesion_tracker.network.weights import CARD_FILE, Tracker, load_tracker
from lesion_tracker.places import MODEL
from lesion_tracker.records.method import DEFAULT_METHOD, METHODS
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.studies.reading import Reading

CACHE_BYTES = 2 * 1024**3


def add_method_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --method, --weights, --device and --cache."""
    parser.add_argument(
        "--method", choices=list(METHODS), default=DEFAULT_METHOD, help="how to track (default: %(default)s)"
    )
    parser.add_argument("--weights", type=Path, help="folder of a model and its card, or one of the two files")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep registrations here and use them again")


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
