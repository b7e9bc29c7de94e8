"""Where the product's own registration puts points of constructed follow-ups, minus where they are."""

import logging

import numpy as np

from lesion_tracker.arrays import PointsMm
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration.register import register
from lesion_tracker.training.examples.appearance import Appearance
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.warp import Warp, pose, random_bumps
from lesion_tracker.training.prepared.prepared_study import PreparedStudy, points_with_structure
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

SPACING_MM = (2.0, 2.0, 4.0)
"""Of the constructed follow-up: registration works at 4 mm."""

ANGLES_DEG = (5.0, 5.0, 12.0)
LARGEST_SHIFT_MM = 60.0
LARGEST_BUMP_MM = 12.0
BENT_PARTS, BENT_MM = 6, 80.0
"""So many parts of the study, of this reach, are bent: an affine cannot follow, as it cannot follow breathing."""

LARGEST_SCALE = 1.1
POINTS = 60


def measure_errors(study: PreparedStudy, rng: np.random.Generator) -> PointsMm:
    """Construct one follow-up of a whole study, register it, and return the errors of up to 60 structured points.

    The follow-up is turned, shifted, scaled, bent, noisy and covers only part of the baseline, as a second visit does.

    Args:
        study: prepared.
        rng: the only source of randomness.

    Returns:
        Registered minus true places of points that the follow-up covers, (n, 3), LPS mm; none where the registration
        says itself that it failed.
    """
    low, high = study.volume.grid.bounds_mm()
    middle = (low + high) / 2
    warp = _whole_warp(study.volume.grid, rng)
    baseline = rng.uniform(low, high, (POINTS * 10, 3))
    baseline = baseline[points_with_structure(study, baseline)][:POINTS]
    try:
        truth = warp.inverse(baseline)
    except ValueError:  # folded: the next pair is drawn from the same generator
        return np.zeros((0, 3))
    followup = _followup(study, warp, middle, rng)
    covered = followup.grid.contains(truth)
    if not covered.any():
        return np.zeros((0, 3))
    try:
        found = register(study.volume, followup, "affine")
    except RegistrationFailed as error:
        logger.warning("%s: a constructed follow-up could not be registered: %s", study.name, error)
        return np.zeros((0, 3))
    return np.asarray(found(baseline[covered]) - truth[covered])


def _whole_warp(grid: Grid, rng: np.random.Generator) -> Warp:
    low, high = grid.bounds_mm()
    middle = (low + high) / 2
    scale = float(np.exp(rng.uniform(-1, 1) * np.log(LARGEST_SCALE)))
    affine = pose(middle, rng.uniform(-1, 1, 3) * np.array(ANGLES_DEG), scale)
    affine[:3, 3] += rng.uniform(-1, 1, 3) * LARGEST_SHIFT_MM
    parts = [random_bumps(rng, place, BENT_MM, LARGEST_BUMP_MM) for place in rng.uniform(low, high, (BENT_PARTS, 3))]
    return Warp(affine, tuple(bump for part in parts for bump in part))


def _followup(study: PreparedStudy, warp: Warp, middle: np.ndarray, rng: np.random.Generator) -> Volume:
    """Scan the warped study: its whole width, and 60 to 100 % of its height from a random slice on."""
    low, high = study.volume.grid.bounds_mm()
    shift = np.linalg.inv(warp.baseline_from_followup)[:3] @ np.append(middle, 1.0) - middle
    size = high - low
    height = size[2] * rng.uniform(0.6, 1.0)
    start = low + shift
    start[2] += (size[2] - height) * rng.random()
    counts = np.maximum(np.round(np.array([size[0], size[1], height]) / SPACING_MM).astype(int) + 1, 4)
    grid = Grid.from_parts((int(counts[0]), int(counts[1]), int(counts[2])), np.array(SPACING_MM), start, np.eye(3))
    look = Appearance(noise_hu=float(rng.uniform(5, 30)))
    scan = Scan(study.volume, warp, (), look, int(rng.integers(2**31)))
    hu = np.round(scan.source()(grid).numpy()).astype(np.int16)
    return Volume(hu, grid)
