"""One lesion that is looked for: what every step of tracking is handed."""

from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.records.lesion import LARGEST_RADIUS_MM, SMALLEST_RADIUS_MM, Lesion
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.tracking.pair import Pair


@dataclass(frozen=True, eq=False)
class Case:
    """A lesion of a baseline, and where registration expects it in the follow-up.

    Args:
        pair: both studies.
        registration: between them.
        lesion: as marked in the baseline.
        expected_mm: the point of registration, LPS of the follow-up.
        expected_radius_mm: the lesion's radius, scaled as registration scales the body there.
    """

    pair: Pair
    registration: FollowupFromBaseline
    lesion: Lesion
    expected_mm: PointMm
    expected_radius_mm: float

    @property
    def center_mm(self) -> PointMm:
        """Where the lesion is marked, LPS of the baseline."""
        return np.array(self.lesion.center_mm)

    @property
    def radius_mm(self) -> float:
        """The lesion's radius in the baseline."""
        return float(self.lesion.radius_mm)

    @property
    def linear(self) -> np.ndarray:
        """Directions of the follow-up from those of the baseline, (3, 3): the affine part of registration."""
        return np.asarray(self.registration.matrix[:3, :3])


def case_of(pair: Pair, registration: FollowupFromBaseline, lesion: Lesion) -> Case:
    """Return a lesion with the place and the radius that registration expects."""
    expected_mm = registration(np.array(lesion.center_mm)[None])[0]
    radius = float(np.clip(lesion.radius_mm * registration.radius_scale, SMALLEST_RADIUS_MM, LARGEST_RADIUS_MM))
    return Case(pair, registration, lesion, expected_mm, radius)
