"""The deformation round a few lesions: picsl-greedy on a small crop, from the affine map; tenths of a second."""

from dataclasses import replace

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import greedy, process_pool
from lesion_tracker.registration.calm import NOISE_HU, REACH_MM, calmed
from lesion_tracker.registration.common_box import part_on
from lesion_tracker.registration.deformable import GREEDY
from lesion_tracker.registration.dense import affine_only, images_of, judged_dense
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.registration.working import grid_of_box
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

METHOD = "local"

TILE_MM = 40.0
"""The baseline is cut into cubes of this edge, from LPS (0, 0, 0) on; lesions in one cube share a registration. So an answer
does not depend on which other lesions are asked for, and lesions that are near each other are registered once."""

MARGIN_MM = 40.0
SPACING_MM = 3.0
"""What the crop holds round a cube, and its voxels. Mean errors in mm, lung4dct and acrin_silver, of greedy's seconds on one
core: 0.61 and 1.21 in 0.5 s; with 60x40x8 iterations 0.60 and 1.28 in 0.4; with 45 mm and 2.5 mm 0.68 and 1.26 in 1.1. The
whole pair's deformation: 0.64 and 1.17 in 4 to 7 s."""

EDGE_MM = 10.0
"""Over this distance from its side faces the field fades to the affine map, which goes on where it ends; `faded` does so
along the body."""

TIMEOUT_S = 60.0

PARAMETERS = {
    "tile_mm": TILE_MM, "margin_mm": MARGIN_MM, "edge_mm": EDGE_MM, "local_mm": SPACING_MM, "noise_hu": NOISE_HU,
    "reach_mm": REACH_MM, **GREEDY,
}  # fmt: skip


def tile_of(center_mm: PointMm) -> tuple[float, float, float]:
    """Return the middle of the cube that a point of the baseline lies in, LPS mm."""
    x, y, z = (float(v) for v in (np.floor(np.asarray(center_mm) / TILE_MM) + 0.5) * TILE_MM)
    return x, y, z


def register_locally(
    baseline: Volume, followup: Volume, affine: FollowupFromBaseline, tile_mm: tuple[float, float, float]
) -> FollowupFromBaseline:
    """Find the map in one cube; beyond `MARGIN_MM` from it the map is the affine one.

    Args:
        baseline: the earlier study.
        followup: the later study.
        affine: their affine map, which it starts from.
        tile_mm: the middle of the cube, of `tile_of`.

    Returns:
        the map, its quality measured in the crop alone; the affine map with `fallback` and a doubt where the studies have
        nothing in common there, or no plausible deformation was found.
    """
    half = TILE_MM / 2 + MARGIN_MM
    grid = grid_of_box(np.array(tile_mm) - half, np.array(tile_mm) + half, SPACING_MM)
    part = part_on(baseline, followup, affine.matrix, grid)
    if not part.mask.any():
        told = f"the studies have nothing in common within {half:.0f} mm"
        return affine_only(METHOD, affine, Doubt("common", 0.0, half, told))
    try:
        shift = process_pool.pool().run(greedy.deform, {**images_of(part), **GREEDY}, TIMEOUT_S)["shift"]
    except RegistrationFailed as error:
        return affine_only(METHOD, affine, Doubt("library", 1.0, 0.0, f"greedy found no deformation ({error})"))
    found = judged_dense(METHOD, part, affine, Displacement(grid, calmed(shift, part) * _sides(grid)), affine.seconds)
    own = {name: value for name, value in found.quality.items() if name not in affine.quality}
    return replace(found, quality={**affine.quality, **own, "crop_ncc": found.quality["local_ncc"]})


def _sides(grid: Grid) -> np.ndarray:
    """Return the weight of a field on a grid, (1, y, x, 1): 0 at the side faces, 1 from `EDGE_MM` on."""
    to_side = [np.minimum(np.arange(n), np.arange(n)[::-1]) * SPACING_MM / EDGE_MM for n in grid.size[:2]]
    along_x, along_y = (np.minimum(share, 1.0).astype(np.float32) for share in to_side)
    return np.asarray((along_y[:, None] * along_x)[None, :, :, None])
