"""The part of a baseline that a deformable method works on: the body that the follow-up covers too, and a margin."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lib.arrays import Affine, Mask
from lib.errors import RegistrationFailed
from lib.registration.views import View, view_of, view_on
from lib.registration.working import grid_of_box
from lib.studies.volume import Volume

MARGIN_MM = 15.0


@dataclass(frozen=True, eq=False)
class CommonPart:
    """Both studies on one cubic grid of the baseline, the follow-up brought there by a matrix.

    Args:
        fixed: the baseline.
        moved: the follow-up.
        mask: where both were scanned, near the body. Without it the edge of the smaller coverage is matched to what
            happens to lie there, and points within centimetres of the edge are lost.
    """

    fixed: View
    moved: View
    mask: Mask


def common_part(
    baseline: Volume, followup: Volume, matrix: Affine, spacing_mm: float, most_voxels: float
) -> CommonPart:
    """Cut out the common part.

    Args:
        baseline: the earlier study.
        followup: the later study.
        matrix: 4x4, follow-up from baseline, LPS mm.
        spacing_mm: edge of a voxel; larger where the part would have more than `most_voxels`.
        most_voxels: what bounds the time of a study of the whole trunk.

    Raises:
        RegistrationFailed: if there is no common part.
    """
    coarse = view_of(baseline)
    seen = view_on(followup, coarse.image.grid, matrix).image.seen
    where = np.argwhere(coarse.body & seen)
    if len(where) == 0:
        raise RegistrationFailed("the studies have no part of the body in common")
    ends = np.stack([where.min(axis=0), where.max(axis=0)])[:, ::-1].astype(np.float64)
    low, high = coarse.image.grid.lps_from_indices(ends)
    low, high = low - MARGIN_MM, high + MARGIN_MM
    voxels = float(np.prod((high - low) / spacing_mm))
    grid = grid_of_box(low, high, spacing_mm * max(1.0, (voxels / most_voxels) ** (1 / 3)))
    fixed, moved = view_on(baseline, grid), view_on(followup, grid, matrix)
    near = ndimage.binary_dilation(fixed.body | moved.body, iterations=2)
    return CommonPart(fixed, moved, near & fixed.image.seen & moved.image.seen)
