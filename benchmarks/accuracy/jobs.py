"""One pair of the benchmark as a job that any process can do."""

import argparse
from typing import Any

from benchmarks.accuracy.cases import NamedPair, constructed_cases, real_cases
from benchmarks.accuracy.data import FINAL
from benchmarks.accuracy.measure import measure
from benchmarks.accuracy.weights import shared_model
from lesion_tracker.registration.preload import preload


def cases_of(args: argparse.Namespace, pairs: int) -> list[NamedPair]:
    """Return the real pairs and so many constructed ones, by the command's arguments."""
    return [*real_cases(args.data / "pairs"), *constructed_cases(args.data / "volumes", pairs, FINAL, args.seed)]


def measure_one(job: tuple[argparse.Namespace, int, float, str]) -> dict[str, Any]:
    """Measure one pair by its name, in whatever process this is."""
    args, pairs, share, name = job
    preload()
    case = next(case for case in cases_of(args, pairs) if case.name == name)
    return measure(case, shared_model(args.model, args.device, args.processes), share, args.seed)
