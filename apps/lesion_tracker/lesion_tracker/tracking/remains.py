"""What is left of a lesion at a place of the follow-up, against its own contrast and the noise there."""

import functools
from dataclasses import dataclass

import numpy as np

from lesion_tracker.tracking.evidence import Evidence
from lesion_tracker.tracking.patch import RIM_MM, SHIFT_MM, SIDE, Patch, reach_mm

NOISE_HU = 12.0
"""Added to every noise and difference: no scanner is below."""

WINDOW_HU = (-1000.0, 400.0)
BESIDE_MM = 1.7
"""The lesion is looked for beside the place in steps of about this."""


GONE_HU, GONE_EMPTINESS, GONE_LOST, GONE_CHANGED = 20.0, 0.0, 0.6, 0.3
"""Least contrast of a lesion that is said to have gone, emptiness of its place, share of its contrast that is lost, and change
of its own density as a share of its contrast: chosen on constructed pairs of the calibration studies."""


@dataclass(frozen=True)
class Remains:
    """A lesion's profile (its HU against the median of its rim) in the baseline, looked for at a place of the follow-up.

    Args:
        visible: root mean square of the profile in the baseline against what changed in its rim, 0 to 20: less where noise,
            a wrong place or a poor registration hides it.
        amount: how much of the profile is there, 1 for all of it, -1 to 2; 0 of a lesion that cannot be seen.
        nearby: the same where within 5 mm most is left, at least `amount`.
        emptiness: log of how much better "nothing but rim is there" fits than "all of it is there", -3 to 3.
        change: log of how much more the lesion changed than its rim did, -3 to 3.
    """

    visible: float
    amount: float
    nearby: float
    emptiness: float
    change: float


def may_have_gone(place: Evidence, left: Remains) -> bool:
    """Say whether a lesion that could be seen is no longer there.

    A lesion that grew over its rim has lost its contrast, too, and what is left is as much rim as lesion; but its own density
    is the same.

    Args:
        place: about the place.
        left: of the lesion there.
    """
    changed = place.changed_hu / max(place.contrast_hu, GONE_HU)
    lost = place.lost_hu / max(place.contrast_hu, GONE_HU)
    visible = place.contrast_hu >= GONE_HU
    return visible and left.emptiness >= GONE_EMPTINESS and lost >= GONE_LOST and changed >= GONE_CHANGED


def remains(before: Patch, after: Patch) -> Remains:
    """Compare a lesion with a place.

    Args:
        before: the lesion in the baseline.
        after: the place in the follow-up.
    """
    inside, core, rim = _parts(before.radius_mm)
    earlier, later = (np.clip(patch.hu.ravel().astype(np.float32), *WINDOW_HU) for patch in (before, after))
    level = np.median(later[rim])
    changed = later - earlier
    changed -= np.median(changed[rim])
    profile = earlier[inside] - np.median(earlier[rim])
    noise = 1.48 * np.median(np.abs(changed[rim])) + NOISE_HU
    strength = profile @ profile + len(profile) * NOISE_HU**2
    beside = inside[None] + _shifts(before.step_mm)[:, None]
    amounts = (later[beside] - level) @ profile / strength
    here = later[inside] - level
    return Remains(
        visible=float(min(np.sqrt(np.mean(profile**2)) / noise, 20.0)),
        amount=float(np.clip(amounts[0], -1.0, 2.0)),
        nearby=float(np.clip(amounts.max(), -1.0, 2.0)),
        emptiness=_log_ratio(here - profile, here),
        change=_log_ratio(changed[core], changed[rim]),
    )


def _log_ratio(one: np.ndarray, other: np.ndarray) -> float:
    ratio = (np.mean(np.abs(one)) + NOISE_HU) / (np.mean(np.abs(other)) + NOISE_HU)
    return float(np.clip(np.log(ratio), -3.0, 3.0))


@functools.lru_cache(maxsize=64)
def _parts(radius_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the numbers of a patch's points that are the lesion with its edge, its core, and its rim."""
    steps = np.linspace(-1.0, 1.0, SIDE) * reach_mm(radius_mm)
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    distance = np.sqrt(x**2 + y**2 + z**2).ravel()
    edge = 1.2 * radius_mm
    rim = (distance > edge) & (distance <= edge + RIM_MM)
    return np.flatnonzero(distance <= edge), np.flatnonzero(distance <= 0.7 * radius_mm), np.flatnonzero(rim)


@functools.lru_cache(maxsize=64)
def _shifts(step_mm: float) -> np.ndarray:
    """Return by how many points of a patch the lesion is looked for beside the place, at most 5 mm; none first."""
    every = max(1, round(BESIDE_MM / step_mm))
    most = int(SHIFT_MM / step_mm) // every * every
    z, y, x = np.meshgrid(*3 * [np.arange(-most, most + 1, every)], indexing="ij")
    squared = (z**2 + y**2 + x**2).ravel()
    order = np.argsort(squared, kind="stable")
    near = order[squared[order] * step_mm**2 <= SHIFT_MM**2]
    return np.asarray((z.ravel() * SIDE**2 + y.ravel() * SIDE + x.ravel())[near])
