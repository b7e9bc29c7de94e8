"""`track-cohort`: many patients with many studies each, in processes of this machine or on a Ray cluster."""

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from lesion_tracker.commands.cohort.cohort_file import read_cohort
from lesion_tracker.commands.cohort.job import track_job
from lesion_tracker.commands.cohort.plan import steps_of
from lesion_tracker.commands.cohort.results import ONE_STUDY, TABLE, ResultFolder
from lesion_tracker.commands.cohort.run import CohortRun, run_cohort
from lesion_tracker.commands.options import (
    add_reading_arguments,
    add_tracking_arguments,
    track_options_of,
    tracker_of,
)
from lesion_tracker.commands.work.local import LocalWorkers
from lesion_tracker.commands.work.workers import Workers
from lesion_tracker.errors import InputError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.places import import_folders
from lesion_tracker.records.counted import counted
from lesion_tracker.scoring.provenance import provenance

RUN_FILE = "run.json"
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("cohort", type=Path, help="CSV: patient, date, image[, lesions]; one row a study")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="of the results; goes on where it stopped"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="pairs at a time on a machine like this one (default: %(default)s)",
    )
    parser.add_argument("--ray", metavar="ADDRESS", help='of a Ray cluster, or "local" to start one here')
    add_tracking_arguments(parser)
    add_reading_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Track the cohort, write the table and print what came of it; return 0 (also where single pairs failed), or 130."""
    if args.workers < 1:
        raise InputError(f"--workers must be at least 1, got {args.workers}")
    patients = read_cohort(args.cohort)
    steps, alone = steps_of(patients), [one for one in patients if len(one.studies) == 1]
    model = tracker_of(args)  # a wrong --weights or --device is said before the work
    results = ResultFolder(args.out)
    options = {
        **asdict(track_options_of(args)),
        "weights": str(args.weights.absolute()) if args.weights else None,
        "device": args.device,
        "cache": str(args.cache.absolute()) if args.cache else None,
        "model_sha256": model.sha256 if model else None,
        "any_modality": args.any_modality,
        "reformats": args.reformats,
        "any_pair": args.any_pair,
    }
    workers = _workers(args)
    try:
        with tqdm(total=len(steps), desc="pairs", file=sys.stderr, mininterval=_every_s()) as bar:
            done = run_cohort(steps, workers, results, options, lambda kept: _advance(bar, kept))
    finally:
        workers.close()
    results.write_table(steps, done.tracks, done.errors, alone)
    write_json({**_facts(done, args), "provenance": provenance([args.cohort], model)}, args.out / RUN_FILE)
    for sentence in done.choices:
        print(sentence, file=sys.stderr)
    for patient in alone:
        print(f"{patient.patient}: {ONE_STUDY}", file=sys.stderr)
    for step in steps:
        if step.key in done.errors:
            pair = f"{step.patient}, {step.baseline.date} to {step.followup.date} ({step.way})"
            print(f"failed: {pair}: {done.errors[step.key]}", file=sys.stderr)
    print(
        f"{counted(len(steps), 'pair')}: {done.tracked} tracked, {done.kept} known already, {len(done.errors)} failed; "
        f"{done.pairs_per_hour:.0f} pairs an hour; table: {args.out / TABLE}"
    )
    return INTERRUPTED if done.stopped else 0


def _advance(bar: "tqdm[object]", kept: bool) -> None:
    """Move the bar by a pair; one that was done already says nothing about the time that is left."""
    if kept:
        bar.initial, bar.n, bar.last_print_n = bar.initial + 1, bar.n + 1, bar.last_print_n + 1
    else:
        bar.update()


def _workers(args: argparse.Namespace) -> Workers:
    threads = max(1, len(os.sched_getaffinity(0)) // args.workers)
    environment = {"LESION_TRACKER_REGISTRATION_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    if not args.ray:
        return LocalWorkers(track_job, args.workers, environment)
    try:
        from lesion_tracker.commands.work.on_ray import RayWorkers
    except ModuleNotFoundError:
        raise InputError(
            f'--ray {args.ray} needs Ray, which is not installed here: pip install "ray==2.60.0"'
        ) from None
    try:
        return RayWorkers(track_job, args.ray, args.workers, environment, import_folders(), threads)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"--ray {args.ray}: there is no such cluster: {error}") from None


def _facts(done: CohortRun, args: argparse.Namespace) -> dict[str, object]:
    return {
        "schema": 1,
        "tracked": done.tracked,
        "kept": done.kept,
        "failed": len(done.errors),
        "choices": done.choices,
        "seconds": round(done.seconds, 1),
        "pairs_per_hour": round(done.pairs_per_hour, 1),
        "workers": args.workers,
        "ray": args.ray,
    }


def _every_s() -> float:
    """Return how often the bar is drawn: often for eyes, seldom for a log."""
    return 0.5 if sys.stderr.isatty() else 30.0
