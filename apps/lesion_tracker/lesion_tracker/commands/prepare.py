"""`prepare`: write the arrays that training reads, with measured errors of registration and marked pairs."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from lesion_tracker.commands.prepare_pairs import PairToPrepare, pairs_of_dls, pairs_of_file, prepare_pairs
from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.files.json_file import read_json
from lesion_tracker.records.counted import counted
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.registration.preload import preload
from lesion_tracker.training.examples.registration_errors import measure_errors
from lesion_tracker.training.prepared.prepare import prepare_study
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.training.prepared.writer import PreparedWriter
from lesion_tracker.volumes.reader import read_volume

Item = TypeVar("Item")
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")
SEED = 7
"""Of the constructed pairs whose registration errors are measured."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("volumes", type=Path, nargs="*", help="CT files, DICOM folders, or folders of CT files")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="new folder of arrays and their index"
    )
    parser.add_argument("--lesions", type=Path, help='{"<file name>": {"lesions": [{"id", "center_mm", "radius_mm"}]}}')
    parser.add_argument("--masks", type=Path, metavar="FOLDER", help="masks of real lesions, named as their volumes")
    parser.add_argument("--exclude", nargs="+", default=[], metavar="NAME", help="never to be trained on")
    parser.add_argument("--pairs", type=Path, nargs="+", default=[], help="pairs files: lesions marked in both studies")
    parser.add_argument("--dls", type=Path, help="annotations of the Deep Lesion Tracker's benchmark")
    parser.add_argument("--dls-volumes", type=Path, metavar="FOLDER", help="the NIfTI sub-volumes that --dls names")
    parser.add_argument(
        "--registration-errors",
        type=int,
        default=0,
        metavar="N",
        help="register N constructed pairs and keep how far off the affine was",
    )


def run(args: argparse.Namespace) -> int:
    """Prepare everything, or leave nothing behind; return 0."""
    files, pairs = named_files(args.volumes, set(args.exclude)), _pairs(args)
    marked, masks = _marked(args.lesions, set(files)), _masks(args.masks)
    if not files and not pairs:
        raise InputError("there is nothing to prepare: name volumes, --pairs or --dls")
    if args.registration_errors and not files:
        raise InputError("--registration-errors needs volumes to construct follow-ups of")
    if args.registration_errors or pairs:
        preload()
    record: dict[str, Any] = {"registration_errors_mm": []}
    with PreparedWriter(args.out, record) as writer:
        studies = []
        for name, path in _bar(files.items(), "studies"):
            mask = read_volume(masks[name]) if name in masks else None
            study = prepare_study(name, read_volume(path), marked.get(name, []), mask)
            writer.add(study)
            studies.append(writer.written(study))
        for pair in _bar(prepare_pairs(pairs), "pairs", len(pairs)):
            writer.add_pair(pair)
        errors = _errors(studies, args.registration_errors)
        record["registration_errors_mm"] = np.round(errors, 2).tolist()
    print(f"{args.out}: {counted(len(files), 'study', 'studies')}, {counted(len(pairs), 'pair')}, {_spread(errors)}")
    return 0


def named_files(paths: list[Path], excluded: set[str]) -> dict[str, Path]:
    """Return the volumes by name: the file's or DICOM folder's name without its suffix.

    Raises:
        FileFormatError: for a path that does not exist, two volumes of one name, or an excluded name that is not there.
    """
    found: dict[str, Path] = {}
    for path in [file for given in paths for file in _files(given)]:
        name = name_of(path)
        if name in found:
            raise FileFormatError(f"{found[name]} and {path} have the same name {name!r}")
        found[name] = path
    absent = sorted(excluded - found.keys())
    if absent:
        raise FileFormatError(f"--exclude names {absent}, but the volumes are {sorted(found)}")
    return {name: path for name, path in found.items() if name not in excluded}


def name_of(path: Path) -> str:
    """Return a volume's name: that of its file without the suffix, or that of its folder."""
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)]


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise FileFormatError(f"there is no file or folder {path}")
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.iterdir() if p.name.lower().endswith(SUFFIXES)) or [path]


def _pairs(args: argparse.Namespace) -> list[PairToPrepare]:
    if (args.dls is None) != (args.dls_volumes is None):
        raise InputError("--dls and --dls-volumes go together: the annotations and the folder of their sub-volumes")
    pairs = [pair for path in args.pairs for pair in pairs_of_file(path)]
    return pairs + (pairs_of_dls(args.dls, args.dls_volumes) if args.dls else [])


def _masks(folder: Path | None) -> dict[str, Path]:
    """Return the masks by the name of their volume; volumes without one have none."""
    return {} if folder is None else named_files([folder], set())


def _marked(path: Path | None, names: set[str]) -> dict[str, list[tuple[list[float], float]]]:
    """Return centre and radius of the lesions of each volume."""
    if path is None:
        return {}
    content = read_json(path)
    if not isinstance(content, dict):
        raise FileFormatError(f"{path} must be a JSON object of lesions by volume")
    return {name: _lesions(path, name, content[name]) for name in sorted(names & content.keys())}


def _lesions(path: Path, name: str, entry: object) -> list[tuple[list[float], float]]:
    rows = entry.get("lesions") if isinstance(entry, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileFormatError(f"{path}: {name!r} must be {{'lesions': [{{'id', 'center_mm', 'radius_mm'}}, …]}}")
    try:
        read = [Lesion.from_json({key: v for key, v in row.items() if key != "what"}) for row in rows]
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {name!r}: {error}") from None
    return [(list(lesion.center_mm), lesion.radius_mm) for lesion in read]


def _errors(studies: list[PreparedStudy], pairs: int) -> np.ndarray:
    numbers = _bar(range(pairs), "registrations") if pairs else []
    found = [measure_errors(studies[n % len(studies)], np.random.default_rng([SEED, n])) for n in numbers]
    return np.concatenate([np.zeros((0, 3)), *found])


def _spread(errors: np.ndarray) -> str:
    if not len(errors):
        return "no registration errors"
    length = np.linalg.norm(errors, axis=1)
    low, middle, high = np.percentile(length, [25, 50, 95])
    return f"{len(errors)} registration errors (25/50/95 %: {low:.1f}/{middle:.1f}/{high:.1f} mm)"


def _bar(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    return iter(tqdm(items, desc=what, total=total, file=sys.stderr, disable=not sys.stderr.isatty()))
