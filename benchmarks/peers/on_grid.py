"""What the peers that register on one cubic grid share: both studies on it, and its field of shifts as a map of points."""

import numpy as np

from lesion_tracker.registration.common_box import CommonPart, common_part
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.registration.register import register
from lesion_tracker.tracking.pair import Pair


def aligned(pair: Pair, spacing_mm: float, most_voxels: float) -> tuple[FollowupFromBaseline, CommonPart]:
    """Return the app's affine map, and the common part of both studies after it.

    Args:
        pair: both studies.
        spacing_mm: edge of a voxel; larger where the part would have more than `most_voxels`.
        most_voxels: bounds time and memory.

    Raises:
        RegistrationFailed: if the affine fails.
    """
    affine = register(pair.baseline, pair.followup, "affine")
    return affine, common_part(pair.baseline, pair.followup, affine.matrix, spacing_mm, most_voxels)


def as_map(affine: FollowupFromBaseline, part: CommonPart, shift_mm: np.ndarray) -> FollowupFromBaseline:
    """Return the map of points.

    Args:
        affine: between the studies.
        part: what the shifts were found on.
        shift_mm: (z, y, x, 3), x, y, z in mm: where a voxel of the baseline lies in the follow-up after the affine.
    """
    field = Displacement(part.fixed.image.grid, np.asarray(shift_mm, dtype=np.float32))
    return FollowupFromBaseline("deformable", affine.matrix, field)
