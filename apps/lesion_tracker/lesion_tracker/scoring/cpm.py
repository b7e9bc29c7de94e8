"""The scores CPM@10mm, CPM@Radius and MED, exactly as the Deep Lesion Tracker's benchmark has them."""

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from lesion_tracker.arrays import PointsMm

SMALLEST_RADIUS_MM = 1e-3


@dataclass(frozen=True)
class Scores:
    """What a set of answers is worth: fractions of all lesions in [0, 1], distances in mm of those answered.

    The distances are infinite where none was answered.

    Args:
        n: number of lesions.
        cpm_at_10mm: fraction with error <= min(radius, 10 mm); the benchmark's, not a plain 10 mm.
        cpm_at_radius: fraction with error < radius.
        within_10mm: fraction with error <= 10 mm, whatever the radius.
        med_mm: mean Euclidean distance.
        med_sd_mm: its population standard deviation.
        med_x_mm: mean |error| along LPS x (along y, z: the next two).
        median_mm: median Euclidean distance.
        med_x_sd_mm: population standard deviation of |error| along LPS x (along y, z: the next two).
    """

    n: int
    cpm_at_10mm: float
    cpm_at_radius: float
    within_10mm: float
    med_mm: float
    med_sd_mm: float
    med_x_mm: float
    med_y_mm: float
    med_z_mm: float
    median_mm: float
    med_x_sd_mm: float
    med_y_sd_mm: float
    med_z_sd_mm: float

    def to_json(self) -> dict[str, int | float]:
        """Return the scores as plain JSON values."""
        return asdict(self)


def score(difference_mm: PointsMm, radius_mm: Float[ndarray, "points"]) -> Scores:
    """Score answers against the truth.

    Args:
        difference_mm: answer minus truth along x, y, z for each lesion, mm; infinite for one without an answer.
        radius_mm: radius of each lesion in the follow-up, mm.

    Raises:
        ValueError: without lesions, or for numbers that are none.

    Source: Cai et al., Deep Lesion Tracker, CVPR 2021, section 4; the exact rules from its released predictions.
    """
    if not len(difference_mm):
        raise ValueError("there is nothing to score: no lesion was given")
    if np.isnan(difference_mm).any() or not np.isfinite(radius_mm).all():
        raise ValueError("errors must be numbers, and radii finite ones")
    distance_mm = np.linalg.norm(difference_mm, axis=1)
    answered = np.isfinite(distance_mm)
    if not answered.any():
        return Scores(len(distance_mm), 0.0, 0.0, 0.0, *[float("inf")] * 9)
    given_mm, along_axis_mm = distance_mm[answered], np.abs(difference_mm[answered])
    per_axis_mm, per_axis_sd_mm = along_axis_mm.mean(axis=0), along_axis_mm.std(axis=0)
    return Scores(
        n=len(distance_mm),
        cpm_at_10mm=float(hits_at_10mm(distance_mm, radius_mm).mean()),
        cpm_at_radius=float(hits_at_radius(distance_mm, radius_mm).mean()),
        within_10mm=float((distance_mm <= 10.0).mean()),
        med_mm=float(given_mm.mean()),
        med_sd_mm=float(given_mm.std()),
        med_x_mm=float(per_axis_mm[0]),
        med_y_mm=float(per_axis_mm[1]),
        med_z_mm=float(per_axis_mm[2]),
        median_mm=float(np.median(given_mm)),
        med_x_sd_mm=float(per_axis_sd_mm[0]),
        med_y_sd_mm=float(per_axis_sd_mm[1]),
        med_z_sd_mm=float(per_axis_sd_mm[2]),
    )


def hits_at_radius(
    distance_mm: Float[ndarray, "points"], radius_mm: Float[ndarray, "points"]
) -> Bool[ndarray, "points"]:
    """Say for each lesion whether CPM@Radius counts it: the error is below the radius (both mm)."""
    return np.asarray(distance_mm / np.maximum(SMALLEST_RADIUS_MM, radius_mm) < 1)


def hits_at_10mm(distance_mm: Float[ndarray, "points"], radius_mm: Float[ndarray, "points"]) -> Bool[ndarray, "points"]:
    """Say for each lesion whether CPM@10mm counts it: the error is at most 10 mm and at most the radius (both mm)."""
    return np.asarray(distance_mm <= np.minimum(radius_mm, 10.0))
