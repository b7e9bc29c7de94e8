"""The deformable method: picsl-greedy on 3 mm voxels, from the affine map, on what both studies cover."""

from lesion_tracker.registration import greedy, process_pool
from lesion_tracker.registration.calm import NOISE_HU, REACH_MM, calmed
from lesion_tracker.registration.common_box import CommonPart
from lesion_tracker.registration.dense import DenseMethod, images_of
from lesion_tracker.registration.point_map import Displacement

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


def _displacement(part: CommonPart) -> Displacement:
    shift = process_pool.pool().run(greedy.deform, {**images_of(part), **GREEDY}, TIMEOUT_S)["shift"]
    return Displacement(part.fixed.image.grid, calmed(shift, part))


register_deformable = DenseMethod("deformable", "greedy", SPACING_MM, MOST_VOXELS, _displacement).register
