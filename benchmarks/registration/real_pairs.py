"""The real pairs with silver points: two states of one patient each."""

import json
from pathlib import Path

import numpy as np

from benchmarks.registration.draws import Draw
from lesion_tracker.arrays import PointsMm
from lesion_tracker.volumes.reader import read_volume


def real_pair(folder: Path, name: str, number: int = 0) -> Draw:
    """Read one pair of a pairs file; its truth is known at its own points only."""
    pair = json.loads((folder / f"{name}.json").read_text())["pairs"][number]
    before = np.array([lesion["baseline_mm"] for lesion in pair["lesions"]])
    after = np.array([lesion["followup_mm"] for lesion in pair["lesions"]])

    def truth(points: PointsMm) -> PointsMm:
        if points.shape != before.shape or not np.array_equal(points, before):
            raise ValueError(f"the truth of {name} is known at its {len(before)} points only")
        return after

    def back(points: PointsMm) -> PointsMm:
        raise ValueError(f"the way back of {name} is not known")

    baseline, followup = (read_volume(folder / pair[key]) for key in ("baseline", "followup"))
    return Draw(name, baseline, followup, truth, back, before, before[:0])
