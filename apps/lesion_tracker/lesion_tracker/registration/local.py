"""The deformation round one place: picsl-greedy on a small crop, from the affine map; tenths of a second."""

import time
from dataclasses import replace

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import greedy, process_pool
from lesion_tracker.registration.calm import calmed
from lesion_tracker.registration.common_box import part_on
from lesion_tracker.registration.deformable import GREEDY
from lesion_tracker.registration.dense import affine_only, images_of, judged_dense
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.registration.working import grid_of_box
from lesion_tracker.volumes.volume import Volume

METHOD = "local"

REACH_MM = 55.0
"""The crop goes so far to either side. Mean errors in mm, lung4dct and acrin_silver: 45 mm 0.76 and 1.22, 50 mm 0.75 and
1.17, 55 mm 0.71 and 1.16, 60 mm 0.71 and 1.17 (on 3 mm voxels 0.75 and 1.19); the whole pair's deformation 0.64 and 1.17."""

SPACING_MM = 2.5
TIMEOUT_S = 60.0


def register_locally(
    baseline: Volume, followup: Volume, affine: FollowupFromBaseline, center_mm: PointMm
) -> FollowupFromBaseline:
    """Find the map round one point; it says nothing of places farther than `REACH_MM` away.

    Args:
        baseline: the earlier study.
        followup: the later study.
        affine: their affine map, which it starts from.
        center_mm: LPS mm of the baseline.

    Returns:
        the map, its quality measured in the crop alone; the affine map with `fallback` and a doubt where the studies have
        nothing in common there, or no plausible deformation was found.
    """
    started = time.perf_counter()
    grid = grid_of_box(np.asarray(center_mm) - REACH_MM, np.asarray(center_mm) + REACH_MM, SPACING_MM)
    part = part_on(baseline, followup, affine.matrix, grid)
    if not part.mask.any():
        told = f"the studies have nothing in common within {REACH_MM:.0f} mm"
        return affine_only(METHOD, affine, Doubt("common", 0.0, REACH_MM, told))
    try:
        shift = process_pool.pool().run(greedy.deform, {**images_of(part), **GREEDY}, TIMEOUT_S)["shift"]
    except RegistrationFailed as error:
        return affine_only(METHOD, affine, Doubt("library", 1.0, 0.0, f"greedy found no deformation ({error})"))
    found = judged_dense(METHOD, part, affine, Displacement(grid, calmed(shift, part)), affine.seconds)
    own = {name: value for name, value in found.quality.items() if name not in affine.quality}
    return replace(
        found,
        quality={**affine.quality, **own, "crop_ncc": found.quality["local_ncc"]},
        seconds={**affine.seconds, METHOD: time.perf_counter() - started},
    )
