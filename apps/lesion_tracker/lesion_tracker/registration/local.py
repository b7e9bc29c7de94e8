"""The deformation round a few lesions, on a small crop, from the affine map: by picsl-greedy, or in one batch on a device."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import greedy, process_pool
from lesion_tracker.registration.calm import NOISE_HU, REACH_MM, calmed
from lesion_tracker.registration.common_box import CommonPart, part_on
from lesion_tracker.registration.deformable import GREEDY
from lesion_tracker.registration.dense import affine_only, images_of, judged_dense
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.registration.torch_field import PARAMETERS as TORCH
from lesion_tracker.registration.torch_field import fields
from lesion_tracker.registration.working import grid_of_box
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

METHOD, ON_DEVICE = "local", "local-torch"
"""By which name an answer says who deformed: greedy on the processor, or `torch_field` on a device."""

Tile = tuple[float, float, float]

TILE_MM = 40.0
"""The baseline is cut into cubes of this edge, from LPS (0, 0, 0) on; lesions in one cube share a registration. So an answer
does not depend on which other lesions are asked for, and lesions that are near each other are registered once."""

MARGIN_MM = 40.0
SPACING_MM = 3.0
"""What the crop holds round a cube, and its voxels. Mean errors in mm, lung4dct and acrin_silver, of greedy's seconds on one
core: 0.61 and 1.21 in 0.5 s; with 60x40x8 iterations 0.60 and 1.28 in 0.4; with 45 mm and 2.5 mm 0.68 and 1.26 in 1.1. The
whole pair's deformation: 0.64 and 1.17 in 4 to 7 s."""

HALF_MM = TILE_MM / 2 + MARGIN_MM

EDGE_MM = 10.0
"""Over this distance from its side faces the field fades to the affine map, which goes on where it ends; `faded` does so
along the body."""

TIMEOUT_S = 60.0

CROP = {
    "tile_mm": TILE_MM, "margin_mm": MARGIN_MM, "edge_mm": EDGE_MM, "local_mm": SPACING_MM, "noise_hu": NOISE_HU,
    "reach_mm": REACH_MM,
}  # fmt: skip
PARAMETERS = {METHOD: {**CROP, **GREEDY}, ON_DEVICE: {**CROP, **TORCH}}
"""What decides the answer of each."""


def tile_of(center_mm: PointMm) -> Tile:
    """Return the middle of the cube that a point of the baseline lies in, LPS mm."""
    x, y, z = (float(v) for v in (np.floor(np.asarray(center_mm) / TILE_MM) + 0.5) * TILE_MM)
    return x, y, z


def register_locally(
    baseline: Volume, followup: Volume, affine: FollowupFromBaseline, tile_mm: Tile
) -> FollowupFromBaseline:
    """Find the map in one cube by greedy; beyond `MARGIN_MM` from it the map is the affine one.

    Args:
        baseline: the earlier study.
        followup: the later study.
        affine: their affine map, which it starts from.
        tile_mm: the middle of the cube, of `tile_of`.

    Returns:
        the map, its quality measured in the crop alone; the affine map with `fallback` and a doubt where the studies have
        nothing in common there, or no plausible deformation was found.
    """
    part = _part(baseline, followup, affine, tile_mm)
    if not part.mask.any():
        return _nothing_common(METHOD, affine)
    try:
        shift = process_pool.pool().run(greedy.deform, {**images_of(part), **GREEDY}, TIMEOUT_S)["shift"]
    except RegistrationFailed as error:
        return affine_only(METHOD, affine, process_pool.failed(error, f"greedy found no deformation ({error})"))
    return _judged(METHOD, affine, part, shift)


def register_cubes(
    baseline: Volume, followup: Volume, affine: FollowupFromBaseline, tiles_mm: Sequence[Tile], device: torch.device
) -> list[FollowupFromBaseline]:
    """Find the maps in several cubes as `register_locally`, all of them in one batch on a device, by `torch_field`."""
    parts = [_part(baseline, followup, affine, tile) for tile in tiles_mm]
    shared = [n for n, part in enumerate(parts) if part.mask.any()]
    shifts = dict(zip(shared, fields([parts[n] for n in shared], device), strict=True)) if shared else {}
    return [
        _judged(ON_DEVICE, affine, part, shifts[n]) if n in shifts else _nothing_common(ON_DEVICE, affine)
        for n, part in enumerate(parts)
    ]


def _part(baseline: Volume, followup: Volume, affine: FollowupFromBaseline, tile_mm: Tile) -> CommonPart:
    grid = grid_of_box(np.array(tile_mm) - HALF_MM, np.array(tile_mm) + HALF_MM, SPACING_MM)
    return part_on(baseline, followup, affine.matrix, grid)


def _nothing_common(method: str, affine: FollowupFromBaseline) -> FollowupFromBaseline:
    told = f"the studies have nothing in common within {HALF_MM:.0f} mm"
    return affine_only(method, affine, Doubt("common", 0.0, HALF_MM, told))


def _judged(method: str, affine: FollowupFromBaseline, part: CommonPart, shift_mm: np.ndarray) -> FollowupFromBaseline:
    grid = part.fixed.image.grid
    found = judged_dense(
        method, part, affine, Displacement(grid, calmed(shift_mm, part) * _sides(grid)), affine.seconds
    )
    own = {name: value for name, value in found.quality.items() if name not in affine.quality}
    return replace(found, quality={**affine.quality, **own, "crop_ncc": found.quality["local_ncc"]})


def _sides(grid: Grid) -> np.ndarray:
    """Return the weight of a field on a grid, (1, y, x, 1): 0 at the side faces, 1 from `EDGE_MM` on."""
    to_side = [np.minimum(np.arange(n), np.arange(n)[::-1]) * SPACING_MM / EDGE_MM for n in grid.size[:2]]
    along_x, along_y = (np.minimum(share, 1.0).astype(np.float32) for share in to_side)
    return np.asarray((along_y[:, None] * along_x)[None, :, :, None])
