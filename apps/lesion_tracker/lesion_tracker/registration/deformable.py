"""The deformable method: picsl-greedy on 3 mm voxels, from the affine map, on what both studies cover."""

import time

import numpy as np

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import process_pool
from lesion_tracker.registration.calm import NOISE_HU, REACH_MM, calmed
from lesion_tracker.registration.common_box import common_part
from lesion_tracker.registration.dense import affine_only, judged_dense
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.volumes.volume import Volume

SPACING_MM = 3.0
MOST_VOXELS = 9e5
TIMEOUT_S = 900.0
GREEDY = {"metric": "WNCC 2x2x2", "iterations": "100x50x10", "smoothing": "2vox 0.7vox", "seed": 1}

PARAMETERS = {
    "spacing_mm": SPACING_MM,
    "most_voxels": MOST_VOXELS,
    "noise_hu": NOISE_HU,
    "reach_mm": REACH_MM,
    **GREEDY,
}


def register_deformable(baseline: Volume, followup: Volume, affine: FollowupFromBaseline) -> FollowupFromBaseline:
    """Find the deformable map.

    Args:
        baseline: the earlier study.
        followup: the later study.
        affine: their affine map.

    Returns:
        the map; with `fallback` and a doubt set, and the affine map inside, if no plausible deformation was found.
    """
    started = time.perf_counter()
    part = common_part(baseline, followup, affine.matrix, SPACING_MM, MOST_VOXELS)
    ready = time.perf_counter()
    job = {
        "fixed": part.fixed.image.hu,
        "moving": part.moved.image.hu,
        "mask": part.mask.astype(np.uint8),
        "spacing": part.fixed.image.spacing_mm,
        **GREEDY,
    }
    try:
        shift = process_pool.pool().run("deform", job, TIMEOUT_S)["shift"]
    except RegistrationFailed as error:
        return affine_only("deformable", affine, Doubt("engine", 1.0, 0.0, f"greedy found no deformation ({error})"))
    done = time.perf_counter()
    seconds = {**affine.seconds, "prepare": ready - started, "deformable": done - ready}
    return judged_dense("deformable", part, affine, Displacement(part.fixed.image.grid, calmed(shift, part)), seconds)
