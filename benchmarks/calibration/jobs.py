"""One pair of the calibration as a job that any process can do."""

import argparse
from typing import Any

from benchmarks.accuracy.cases import NamedPair, constructed_cases
from benchmarks.accuracy.data import CALIBRATION
from benchmarks.accuracy.weights import shared_model
from benchmarks.calibration.collect import collect
from benchmarks.calibration.trained_family import trained_cases
from lesion_tracker.registration.preload import preload


def cases_of(args: argparse.Namespace) -> list[NamedPair]:
    """Return the pairs of both families, by the command's arguments."""
    return [
        *constructed_cases(args.data / "volumes", args.pairs, CALIBRATION, args.seed),
        *trained_cases(args.data / "volumes", args.trained, CALIBRATION, args.seed),
    ]


def collect_one(job: tuple[argparse.Namespace, str]) -> dict[str, Any]:
    """Collect the evidence of one pair by its name, in whatever process this is."""
    args, name = job
    preload()
    case = next(case for case in cases_of(args) if case.name == name)
    return collect(case, shared_model(args.model, args.device, args.processes))
