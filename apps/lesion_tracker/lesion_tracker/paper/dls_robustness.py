"""The robustness protocol of Table 2: each lesion with its own click and nine shifted ones."""

import hashlib

import numpy as np

from lesion_tracker.arrays import PointMm, PointsMm

SHIFTS = 9
SHARE = 0.25
"""Of the lesion's radius: no click lies farther from the centre."""
SEED = 20210620


def clicks_of(lesion_id: str, center_mm: PointMm, radius_mm: float, shifts: int = SHIFTS, seed: int = SEED) -> PointsMm:
    """Return the click itself and, after it, clicks drawn evenly from the ball of 0.25 radii round it.

    Args:
        lesion_id: its number in the file; with the seed it decides the draw, whatever the order of the lesions.
        center_mm: LPS.
        radius_mm: of the lesion in the study that is clicked.
        shifts: how many shifted clicks.
        seed: of all lesions.

    Source: Cai et al., Deep Lesion Tracker, CVPR 2021, section 5.2.
    """
    own = int.from_bytes(hashlib.sha256(lesion_id.encode()).digest()[:8], "big")
    rng = np.random.default_rng([seed, own])
    direction = rng.normal(size=(shifts, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    length = SHARE * radius_mm * rng.random((shifts, 1)) ** (1 / 3)
    return np.vstack([center_mm[None], center_mm[None] + direction * length])
