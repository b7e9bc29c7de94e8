"""`python -m benchmarks.registration.speed`: what a faster deformable registration would cost in accuracy.

What `auto` starts from with `refine` takes most of the time there. This measures settings that are cheaper than the
product's, on the silver points and on one constructed pair of each final volume, all in one run; run it on an idle machine.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from unittest import mock

import numpy as np

from benchmarks.accuracy.built import Loaded
from benchmarks.accuracy.cases import SEED, NamedPair, constructed_cases, real_cases
from benchmarks.accuracy.data import DATA, FINAL
from lesion_tracker.registration import deformable
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.preload import preload
from lesion_tracker.registration.register import register
from lesion_tracker.report.evaluation_table import table

SETTINGS = (
    ("100x50x10", 3.0, 9e5),
    ("100x50x5", 3.0, 9e5),
    ("100x30x5", 3.0, 9e5),
    ("100x50x10", 3.5, 5e5),
    ("100x60x8", 4.0, 4e5),
)
"""Iterations from coarse to fine, voxel in mm, most voxels; the first are the product's."""

REPEATS = 2
PAIRS = {"lung4dct", "acrin_silver"}


def main() -> int:
    """Print the table."""
    preload()
    cases = [case for case in real_cases(DATA / "pairs") if case.data in PAIRS]
    cases += list(constructed_cases(DATA / "volumes", len(FINAL), FINAL, SEED))
    loaded = {case.name: (case, case.load()) for case in cases}
    affine = {name: register(one.pair.baseline, one.pair.followup, "affine") for name, (_, one) in loaded.items()}
    rows = [
        (iterations, f"{spacing:g}", *(_cell(*loaded[n], affine[n], iterations, spacing, most) for n in loaded))
        for iterations, spacing, most in SETTINGS
    ]
    print(table(("iterations", "voxel, mm", *loaded), rows))
    return 0


def _cell(
    case: NamedPair, loaded: Loaded, start: FollowupFromBaseline, iterations: str, spacing_mm: float, most: float
) -> str:
    """Return the deformable part's seconds, and MED with the median in mm, of lesions that registration can find."""
    seconds, errors = [], []
    for _ in range(REPEATS):
        with (
            mock.patch.dict(deformable.GREEDY, iterations=iterations),
            mock.patch.multiple(deformable, SPACING_MM=spacing_mm, MOST_VOXELS=most),
        ):
            began = time.perf_counter()
            found = deformable.register_deformable(loaded.pair.baseline, loaded.pair.followup, start)
            seconds.append(time.perf_counter() - began)
        errors.append(_errors(found, [one for one in loaded.truth if one["counted"] and not one.get("hard")]))
    mean, median = (statistics.median(float(one(e)) for e in errors) for one in (np.mean, np.median))
    return f"{statistics.median(seconds):.1f} s; {mean:.2f} mm ({median:.2f})"


def _errors(found: FollowupFromBaseline, truth: Sequence[dict[str, list[float]]]) -> np.ndarray:
    before = np.array([one["baseline_mm"] for one in truth])
    return np.linalg.norm(found(before) - np.array([one["followup_mm"] for one in truth]), axis=1)


if __name__ == "__main__":
    sys.exit(main())
