"""What became of the lesion itself between the two studies: its contrast against its rim, its density, its texture."""

from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.similarity import hu_at

FAINT_HU = 25.0
"""A contrast below this is noise: nothing that could be lost."""


@dataclass(frozen=True)
class Core:
    """The lesion in the baseline against one place in the follow-up.

    Args:
        lost: share of its contrast that is gone, 0 to 1.5; more than 1 where the place has the opposite contrast; 0
            for a lesion without contrast.
        lost_hu: the same in HU, 0 to 300.
        contrast_hu: of the lesion in the baseline, 0 to 300.
        changed_hu: difference of the HU inside.
        texture: correlation of the HU inside and of the rim, -1 to 1.
        rim: correlation of the HU of the rim alone.
    """

    lost: float
    lost_hu: float
    contrast_hu: float
    changed_hu: float
    texture: float
    rim: float


def compare_core(case: Case, place_mm: PointMm) -> Core:
    """Compare a lesion with one place in the follow-up.

    Args:
        case: the lesion.
        place_mm: LPS of the follow-up.
    """
    inside, rim = core_points(case.radius_mm)
    before_in, before_rim = (hu_at(case.pair.baseline, case.center_mm + part) for part in (inside, rim))
    after_in, after_rim = (hu_at(case.pair.followup, place_mm + part @ case.linear.T) for part in (inside, rim))
    contrast = float(np.median(before_in) - np.median(before_rim))
    lost_hu = abs(contrast) - float(np.median(after_in) - np.median(after_rim)) * float(np.sign(contrast))
    lost = 0.0 if abs(contrast) < FAINT_HU else lost_hu / abs(contrast)
    return Core(
        lost=float(np.clip(lost, 0.0, 1.5)),
        lost_hu=float(np.clip(lost_hu, 0.0, 300.0)),
        contrast_hu=float(min(abs(contrast), 300.0)),
        changed_hu=abs(float(np.median(before_in) - np.median(after_in))),
        texture=_correlation(np.concatenate([before_in, before_rim]), np.concatenate([after_in, after_rim])),
        rim=_correlation(before_rim, after_rim),
    )


def core_points(radius_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets (n, 3) inside a lesion (to 0.7 radii) and of its rim (from 1.2 radii on, 4 mm wide), mm."""
    outer = 1.2 * radius_mm + 4.0
    steps = np.linspace(-outer, outer, 17)
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    distance = np.linalg.norm(points, axis=1)
    finer = points[distance <= outer] * (0.7 * radius_mm / outer)
    return finer, points[(distance >= 1.2 * radius_mm) & (distance <= outer)]


def _correlation(before: np.ndarray, after: np.ndarray) -> float:
    before, after = (np.clip(hu, -1000.0, 400.0) for hu in (before, after))
    before, after = before - before.mean(), after - after.mean()
    return float((before * after).mean() / np.sqrt(((before**2).mean() + 225.0) * ((after**2).mean() + 225.0)))
