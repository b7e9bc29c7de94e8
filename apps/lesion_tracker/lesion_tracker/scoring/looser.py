"""The looser scores that later papers print under the official names; here each has a name of its own.

They are never to be set beside CPM@10mm and CPM@Radius: the same predictions gain 8 points by changing the rule alone.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lesion_tracker.arrays import PointMm

BoxVoxels = Float[ndarray, "6"]
"""A target box (x, y, z, width, height, depth) in voxels of the target image."""

LOOSER_NAMES = {
    "uae_in_box": "UAE's CPM@Radius: the answer lies in the target's box",
    "uae_within_10mm": "UAE's CPM@10mm: error <= 10 mm, whatever the radius",
    "tlt_in_diagonal": "TLT's CPM@Radius: error in voxels < the diagonal of the target's box in voxels",
    "tlt_within_10_voxels": "TLT's CPM@10mm: error in voxels < 10 and < that diagonal",
}
"""What each score counts."""


@dataclass(frozen=True)
class LooserHits:
    """Which of the looser rules count one answer.

    Args:
        uae_in_box: the answer lies in the target's box.
        uae_within_10mm: its error is at most 10 mm.
        tlt_in_diagonal: its error in voxels is below the diagonal of the target's box in voxels.
        tlt_within_10_voxels: likewise, and below 10 voxels.
    """

    uae_in_box: bool
    uae_within_10mm: bool
    tlt_in_diagonal: bool
    tlt_within_10_voxels: bool


def looser_hits(answer: PointMm, truth: PointMm, spacing_mm: PointMm, box: BoxVoxels) -> LooserHits:
    """Say which of the looser rules count an answer.

    Args:
        answer: voxel of the target image, continuous (x, y, z).
        truth: likewise.
        spacing_mm: of the target image along x, y, z.
        box: the target's box in voxels.

    Source: the evaluation code of UAE (Bai et al.) and TLT (Tang et al.), as published by their authors.
    """
    voxels = float(np.linalg.norm(answer - truth))
    diagonal = float(np.linalg.norm(box[3:]))
    return LooserHits(
        uae_in_box=bool(((answer >= box[:3]) & (answer <= box[:3] + box[3:])).all()),
        uae_within_10mm=bool(np.linalg.norm((answer - truth) * spacing_mm) <= 10.0),
        tlt_in_diagonal=voxels < diagonal,
        tlt_within_10_voxels=voxels < min(10.0, diagonal),
    )
