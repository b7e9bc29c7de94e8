"""A lesion and its nearest surroundings as a cube of HU, in the baseline and at a place of the follow-up."""

from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.similarity import hu_at

SIDE = 21
"""Points along an edge."""

RIM_MM = 4.0
"""The rim starts at 1.2 radii and is so wide."""

SHIFT_MM = 5.0
"""And so much is kept beyond it, so that the lesion can be looked for beside the place."""


@dataclass(frozen=True, eq=False)
class Patch:
    """HU on a cube round one point.

    Args:
        hu: (z, y, x), int16, SIDE points along each edge.
        radius_mm: of the lesion in the baseline; the cube reaches 1.2 radii and 9 mm to either side.
    """

    hu: np.ndarray
    radius_mm: float

    @property
    def step_mm(self) -> float:
        """Distance of two neighbouring points, mm of the baseline."""
        return reach_mm(self.radius_mm) / (SIDE // 2)


def reach_mm(radius_mm: float) -> float:
    """Return how far a patch reaches to either side, mm of the baseline."""
    return 1.2 * radius_mm + RIM_MM + SHIFT_MM


def before(case: Case) -> Patch:
    """Return the lesion in the baseline."""
    return Patch(_rounded(hu_at(case.pair.baseline, case.center_mm + _offsets(case.radius_mm))), case.radius_mm)


def after(case: Case, place_mm: PointMm) -> Patch:
    """Return a place of the follow-up, LPS mm, along directions that registration takes the baseline's to."""
    points = np.asarray(place_mm) + _offsets(case.radius_mm) @ case.linear.T
    return Patch(_rounded(hu_at(case.pair.followup, points)), case.radius_mm)


def _offsets(radius_mm: float) -> np.ndarray:
    steps = np.linspace(-1.0, 1.0, SIDE) * reach_mm(radius_mm)
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def _rounded(hu: np.ndarray) -> np.ndarray:
    return np.rint(hu).astype(np.int16).reshape(SIDE, SIDE, SIDE)
