"""What became of the lesion itself between the two studies: its contrast against its rim, its density, its texture."""

from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointsMm
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


def compare_cores(case: Case, places_mm: PointsMm) -> list[Core]:
    """Compare a lesion with places in the follow-up.

    Args:
        case: the lesion.
        places_mm: (n, 3), LPS of the follow-up.
    """
    inside, rim = core_points(case.radius_mm)
    points = np.concatenate([inside, rim])
    before, turned = hu_at(case.pair.baseline, case.center_mm + points), points @ case.linear.T
    return [_core(before, hu_at(case.pair.followup, place + turned), len(inside)) for place in places_mm]


def _core(before: np.ndarray, after: np.ndarray, inside: int) -> Core:
    """Compare HU of which the first `inside` are of the lesion, the others of its rim."""
    contrast = float(np.median(before[:inside]) - np.median(before[inside:]))
    lost_hu = abs(contrast) - float(np.median(after[:inside]) - np.median(after[inside:])) * float(np.sign(contrast))
    lost = 0.0 if abs(contrast) < FAINT_HU else lost_hu / abs(contrast)
    return Core(
        lost=float(np.clip(lost, 0.0, 1.5)),
        lost_hu=float(np.clip(lost_hu, 0.0, 300.0)),
        contrast_hu=float(min(abs(contrast), 300.0)),
        changed_hu=abs(float(np.median(before[:inside]) - np.median(after[:inside]))),
        texture=_correlation(before, after),
        rim=_correlation(before[inside:], after[inside:]),
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
