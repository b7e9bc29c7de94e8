"""One pair of the calibration as a job that any process can do."""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.accuracy.cases import NamedPair
from benchmarks.accuracy.data import CALIBRATION
from benchmarks.accuracy.weights import shared_model
from benchmarks.calibration.collect import collect
from benchmarks.calibration.fit import FAILING
from benchmarks.calibration.mixed_family import mixed_cases
from benchmarks.calibration.trained_family import trained_cases
from lesion_tracker.registration.preload import preload


def cases_of(args: argparse.Namespace) -> list[NamedPair]:
    """Return the pairs of all families, by the command's arguments; any first part of them holds some of each."""
    volumes = args.data / "volumes"
    families = (
        list(mixed_cases(volumes, "usual", args.pairs, CALIBRATION, args.seed)),
        list(mixed_cases(volumes, FAILING, args.failing, (*CALIBRATION[2:], *CALIBRATION[:2]), args.seed)),
        trained_cases(volumes, args.trained, CALIBRATION, args.seed),
    )
    placed = [((n + 0.5) / len(family), case) for family in families for n, case in enumerate(family)]
    return [case for _, case in sorted(placed, key=lambda one: one[0])]


def collect_one(job: tuple[argparse.Namespace, str, Path]) -> dict[str, Any]:
    """Collect the evidence of one pair by its name, in whatever process this is."""
    args, name, patches = job
    preload()
    case = next(case for case in cases_of(args) if case.name == name)
    return collect(case, shared_model(args.model, args.device, args.processes), patches)
