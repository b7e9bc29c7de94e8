"""What is left of a lesion at a place of the follow-up, against its own contrast and the noise there."""

import functools
from dataclasses import dataclass

import numpy as np

from lesion_tracker.tracking.patch import RIM_MM, SHIFT_MM, SIDE, Patch

NOISE_HU = 12.0
"""Added to every noise: what no scanner is below."""

WINDOW_HU = (-1000.0, 400.0)


@dataclass(frozen=True)
class Remains:
    """A lesion's profile (its HU against the median of its rim) in the baseline, looked for at a place of the follow-up.

    Args:
        visible: the profile's strength in the baseline against the noise of the follow-up's rim, 0 to 20.
        amount: how much of the profile is there, 1 for all of it, -1 to 2; 0 of a lesion that cannot be seen.
        nearby: the same where within 5 mm most is left, at least `amount`.
        emptiness: log of how much better "nothing but rim is there" fits than "all of it is there", -3 to 3.
    """

    visible: float
    amount: float
    nearby: float
    emptiness: float


def remains(before: Patch, after: Patch) -> Remains:
    """Compare a lesion with a place.

    Args:
        before: the lesion in the baseline.
        after: the place in the follow-up.
    """
    radius, step = before.radius_mm, before.step_mm
    inside, rim = _parts(radius)
    earlier, later = (np.clip(patch.hu.astype(np.float64), *WINDOW_HU) for patch in (before, after))
    level = float(np.median(later[rim]))
    profile = (earlier - np.median(earlier[rim]))[inside]
    noise = 1.48 * float(np.median(np.abs(later[rim] - level))) + NOISE_HU
    strength = float(profile @ profile) + len(profile) * NOISE_HU**2
    here = later[inside] - level
    amounts = [
        float(profile @ (np.roll(later, shift, (0, 1, 2))[inside] - level)) / strength for shift in _shifts(step)
    ]
    empty, full = float(np.mean(np.abs(here))), float(np.mean(np.abs(here - profile)))
    return Remains(
        visible=float(min(np.sqrt(np.mean(profile**2)) / noise, 20.0)),
        amount=float(np.clip(amounts[0], -1.0, 2.0)),
        nearby=float(np.clip(max(amounts), -1.0, 2.0)),
        emptiness=float(np.clip(np.log((full + NOISE_HU) / (empty + NOISE_HU)), -3.0, 3.0)),
    )


@functools.lru_cache(maxsize=64)
def _parts(radius_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which points of a patch are the lesion with its edge, and which its rim."""
    reach = 1.2 * radius_mm + RIM_MM + SHIFT_MM
    steps = np.linspace(-reach, reach, SIDE)
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    distance = np.sqrt(x**2 + y**2 + z**2)
    return distance <= 1.2 * radius_mm, (distance > 1.2 * radius_mm) & (distance <= 1.2 * radius_mm + RIM_MM)


@functools.lru_cache(maxsize=64)
def _shifts(step_mm: float) -> list[tuple[int, int, int]]:
    """Return shifts of at most 5 mm, none first, in steps of about 1.7 mm or of the patch's points."""
    every = max(1, round(1.7 / step_mm))
    most = int(SHIFT_MM / step_mm) // every * every
    steps = range(-most, most + 1, every)
    found = [
        (z, y, x) for z in steps for y in steps for x in steps if (z * z + y * y + x * x) * step_mm**2 <= SHIFT_MM**2
    ]
    return sorted(found, key=lambda shift: sum(one * one for one in shift))
