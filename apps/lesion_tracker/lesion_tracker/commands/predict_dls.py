"""`predict-dls`: track the benchmark's directed pairs with this product, and write the answers in the released format."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lesion_tracker.commands.cohort.job import OPTIONS, track_read_pair
from lesion_tracker.commands.convert_deeplesion import MANIFEST
from lesion_tracker.commands.options import add_tracking_arguments, tracker_of
from lesion_tracker.commands.outputs import require_folder_of
from lesion_tracker.commands.work.local import LocalWorkers
from lesion_tracker.errors import FileFormatError, InputError, RegistrationFailed
from lesion_tracker.files.json_file import read_json, write_json
from lesion_tracker.paper.dls_file import dls_entries
from lesion_tracker.paper.dls_jobs import DlsClick, DlsJob, read_dls_jobs, released_entry, released_file
from lesion_tracker.paper.dls_pairs_file import require_dls_grid
from lesion_tracker.paper.dls_robustness import SEED, SHIFTS
from lesion_tracker.records.derived import expected_track
from lesion_tracker.records.track import Track
from lesion_tracker.scoring.provenance import hash_of, provenance, versions
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.reader import read_volume

PARTS = ".parts"
"""Ending of the folder that keeps each pair's answers until all are there."""
EDGE = 0.499
"""A shifted click stays this far (voxels) inside the outer voxels' faces."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("annotations", type=Path, help="test.json or valid.json of the benchmark")
    parser.add_argument("--volumes", type=Path, required=True, metavar="FOLDER", help="what convert-deeplesion wrote")
    parser.add_argument("--out", type=Path, required=True, help="predictions.json; goes on where it stopped")
    parser.add_argument(
        "--robustness",
        action="store_true",
        help=f"each lesion also with {SHIFTS} shifted clicks (Table 2; seed {SEED})",
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="pairs at a time (default: %(default)s)")
    add_tracking_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Track all pairs, write the file and say how many could not be registered; return 0."""
    require_folder_of(args.out, read=[args.annotations])
    if args.workers < 1:
        raise InputError(f"--workers must be at least 1, got {args.workers}")
    jobs = read_dls_jobs(args.annotations, SHIFTS if args.robustness else 0)
    _require_volumes(args.volumes, jobs)
    model = tracker_of(args)
    options = _options(args)
    parts = args.out.with_name(args.out.name + PARTS)
    try:
        parts.mkdir(exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"the folder {parts} cannot be made: {error.strerror}") from None
    inputs = [args.annotations, *filter(Path.is_file, [args.volumes / MANIFEST])]
    begun = {
        "annotations": hash_of(args.annotations),
        "model": model.sha256 if model else None,
        "volumes": [str(args.volumes.absolute()), *map(hash_of, inputs[1:])],
        "versions": versions(),
    }
    decided = {name: value for name, value in options.items() if name not in ("cache", "device")}
    _same_run(parts, {**decided, "robustness": args.robustness, **begun})
    failed = _track(args, jobs, options, parts)
    if failed:
        first = next(iter(failed.items()))
        raise FileFormatError(f"{len(failed)} of {len(jobs)} pairs could not be tracked; {first[0]}: {first[1]}")
    entries = [(c, _answers(parts, job)[c.id]) for job in jobs for c in job.clicks]
    order = [name for name, _ in dls_entries(args.annotations)]
    made = provenance(inputs, model)
    write_json({**released_file(entries, order), "provenance": made}, args.out)
    lost = sum(entry["method"] == NO_REGISTRATION for _, entry in entries)
    print(f"{args.out}: {len(entries)} answers for {len(order)} directed pairs; {lost} without a registration")
    return 0


NO_REGISTRATION = "no registration (middle of the volumes on each other)"


def predict_job(payload: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Track one job in a process of its own; return the released entries by click.

    Two slabs that cannot be registered are answered with their middles on each other: the benchmark counts every pair.

    Raises:
        InputError: for a sub-volume that is no usable CT, or does not lie as DeepLesion's converter writes it.
    """
    job: DlsJob = payload["job"]
    volumes = [read_volume(Path(payload["volumes"]) / name) for name in (job.source, job.target)]
    for name, volume in zip((job.source, job.target), volumes, strict=True):
        require_dls_grid(name, volume.grid)
    pair = Pair(volumes[0], volumes[1], job.source, job.target)
    clicks = [_inside(click, pair.baseline.grid) for click in job.clicks]
    try:
        tracks = track_read_pair(payload, pair, [click.lesion for click in clicks])
    except RegistrationFailed as error:
        tracks = [_middle(pair, click, str(error)) for click in clicks]
    return {c.id: released_entry(c, found) for c, found in zip(clicks, tracks, strict=True)}


def _inside(click: DlsClick, grid: Grid) -> DlsClick:
    """Return the click, moved into the volume where a shift took it out."""
    index = grid.indices_from_lps(click.center_mm[None])
    if not click.shift or bool(grid.contains(click.center_mm[None])[0]):
        return click
    moved = np.clip(index, -EDGE, np.array(grid.size) - 1 + EDGE)
    return DlsClick(click.id, click.entry, click.shift, grid.lps_from_indices(moved)[0], click.radius_mm, click.target)


def _middle(pair: Pair, click: DlsClick, reason: str) -> Track:
    low, high = pair.baseline.grid.bounds_mm()
    target_low, target_high = pair.followup.grid.bounds_mm()
    x, y, z = (float(v) for v in click.center_mm + (target_low + target_high - low - high) / 2)
    radius_mm = click.lesion.radius_mm
    return expected_track(
        click.lesion, pair.baseline_id, pair.followup_id, (x, y, z), radius_mm, NO_REGISTRATION, note=reason
    )


def _track(args: argparse.Namespace, jobs: list[DlsJob], options: Mapping[str, Any], parts: Path) -> dict[str, str]:
    """Track what is not done yet; return why those jobs failed that failed."""
    failed: dict[str, str] = {}
    threads = max(1, len(os.sched_getaffinity(0)) // args.workers)
    workers = LocalWorkers(predict_job, args.workers, {"LESION_TRACKER_REGISTRATION_THREADS": str(threads)})
    try:
        todo = [job for job in jobs if not _path(parts, job).exists()]
        for job in todo:
            workers.submit(_path(parts, job).name, {**options, "job": job, "volumes": str(args.volumes)})
        with tqdm(
            total=len(jobs), initial=len(jobs) - len(todo), desc="pairs", file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 30.0,
        ) as bar:  # fmt: skip
            while outcomes := workers.wait():
                for outcome in outcomes:
                    if outcome.error:
                        failed[outcome.key] = outcome.error
                    else:
                        write_json(outcome.value, parts / outcome.key)
                    bar.update(1)
    finally:
        workers.close()
    return failed


def _same_run(parts: Path, facts: dict[str, Any]) -> None:
    """Refuse to go on with a run that was begun otherwise.

    Raises:
        FileFormatError: naming what differs.
    """
    path = parts / "run.json"
    if not path.exists():
        write_json(facts, path)
        return
    before = read_json(path)
    differing = sorted(key for key in facts if before.get(key) != facts[key])
    if differing:
        key = differing[0]
        raise FileFormatError(
            f"{parts} was begun with {key} = {before.get(key)!r}, now it is {facts[key]!r}: name another --out, or delete it"
        )


def _answers(parts: Path, job: DlsJob) -> dict[str, Any]:
    return dict(read_json(_path(parts, job)))


def _path(parts: Path, job: DlsJob) -> Path:
    return parts / f"{job.source.split('.')[0]}__{job.target.split('.')[0]}.json"


def _options(args: argparse.Namespace) -> dict[str, Any]:
    values = {name: getattr(args, name) for name in OPTIONS}
    return {name: str(value.absolute()) if isinstance(value, Path) else value for name, value in values.items()}


def _require_volumes(folder: Path, jobs: list[DlsJob]) -> None:
    names = sorted({name for job in jobs for name in (job.source, job.target) if not (folder / name).is_file()})
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise FileFormatError(f"{folder} lacks {names[0]}{more}: run convert-deeplesion first")
