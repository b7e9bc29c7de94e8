"""The real pairs with silver points: two states of one patient each."""

import json
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.registration.draws import Draw
from lesion_tracker.arrays import PointsMm
from lesion_tracker.registration.register import register
from lesion_tracker.registration.views import view_of
from lesion_tracker.volumes.reader import read_volume

CONTRAST_HU = 150.0
"""Standard deviation round a point, from which on its place can be told."""

WINDOW_HU = (-1000.0, 400.0)


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


def mapped_pair(folder: Path, name: str, count: int = 3000) -> Draw:
    """Read a pair, with the deformable map of the whole studies as truth, at points of the body where there is contrast.

    It says what a smaller field of view changes where a pair has no silver points, and nothing about the map itself.
    """
    draw = real_pair(folder, name)
    there = register(draw.baseline, draw.followup, "deformable")
    view = view_of(draw.baseline)
    hu = np.clip(view.image.hu, *WINDOW_HU)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(hu * hu, 5) - ndimage.uniform_filter(hu, 5) ** 2, 0.0))
    where = np.argwhere(ndimage.binary_erosion(view.body, iterations=3) & (spread > CONTRAST_HU))[:, ::-1]
    where = np.random.default_rng(0).permutation(where)[:count].astype(np.float64)
    points = view.image.grid.lps_from_indices(where)
    return Draw(f"{name}, map of the whole", draw.baseline, draw.followup, there, there.inverse, points, points[:0])
