"""`python -m benchmarks.peers.candidate_recall`: how many candidates hold the lesions, and how well the detectors' scores part.

Measured on constructed pairs of the calibration volumes, in crops round the true places shifted by 11 mm; this is what
`MOST` of `candidates.py` was chosen by.
"""

import sys
from collections.abc import Iterator

import numpy as np

from benchmarks.accuracy.cases import SEED, constructed_cases
from benchmarks.accuracy.data import CALIBRATION, DATA
from benchmarks.peers.candidates import find_candidates
from benchmarks.peers.detector import DetectorNet
from benchmarks.peers.detector_peer import DETECTORS
from benchmarks.peers.detector_weights import load_net
from benchmarks.peers.trained import WEIGHTS
from lesion_tracker.network.inputs import hu_source
from lesion_tracker.network.lattice import search_grid
from lesion_tracker.report.evaluation_table import table
from lesion_tracker.tracking.search import SEARCH_VOXELS

PAIRS = 4
COUNTS = (50, 150, 400)
SHIFT_MM = np.array([8.0, -5.0, 6.0])
NEAR_MM = 10.0


def main() -> int:
    """Print the table."""
    rows = []
    for mode, folder in DETECTORS.items():
        detector, _ = load_net(WEIGHTS / folder, DetectorNet)
        found = list(_ranks(detector))
        held = [f"{100 * np.mean([rank < most for rank, _ in found]):.0f} %" for most in COUNTS]
        rows.append((mode, str(len(found)), *held, f"{np.mean([score for _, score in found]):.2f}"))
    names = [f"within {NEAR_MM:g} mm of one of the best {most}" for most in COUNTS]
    print(
        table(("detector", "lesions", *names, "share of further candidates that score lower than the lesion's"), rows)
    )
    return 0


def _ranks(detector: DetectorNet) -> Iterator[tuple[float, float]]:
    """Give for each lesion the rank of its best candidate (infinite without one), and the share that scores lower."""
    for case in constructed_cases(DATA / "volumes", PAIRS, CALIBRATION, SEED):
        loaded = case.load()
        read = hu_source(loaded.pair.followup)
        for one in loaded.truth:
            if not one["counted"]:
                continue
            truth = np.array(one["followup_mm"])
            grid = search_grid(truth + SHIFT_MM, SEARCH_VOXELS)
            found = find_candidates(detector, read(grid), grid)
            near = np.linalg.norm(found[:, :3] - truth, axis=1) <= NEAR_MM
            rank = float(near.argmax()) if near.any() else np.inf
            others = found[~near, 4]
            better = float((others < found[near, 4].max()).mean()) if near.any() and len(others) else 0.0
            yield rank, better


if __name__ == "__main__":
    sys.exit(main())
