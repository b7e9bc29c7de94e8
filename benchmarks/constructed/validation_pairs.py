"""Validation inputs: pairs that training would draw from a few volumes, cut to what a search reads."""

from collections.abc import Sequence

import numpy as np

from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.network.lattice import search_grid, template_grid
from lesion_tracker.tracking.search import WIDE_VOXELS
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.pair import ExamplePair
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.training.learning.validation_inputs import ValidationPair
from lesion_tracker.training.prepared.prepare import prepare_study
from lesion_tracker.training.prepared.prepared_pair import PairedLesion
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SCENARIO = ScenarioSettings(vanished=0.0, moving=0.25, lesions=5)
ERRORS = RegistrationErrors(np.zeros((0, 3)), tail=0.2)
SMALLEST_LESIONS = 3
"""A pair with fewer lesions is drawn again: its crops would cost more than they test."""


def make_pairs(name: str, volume: Volume, count: int, rng: np.random.Generator) -> list[ValidationPair]:
    """Construct pairs of a volume.

    Args:
        name: of the volume.
        volume: that may be redistributed.
        count: how many pairs.
        rng: the only source of randomness.

    Returns:
        Crops at about the volume's own spacing, and not finer than the network reads.

    Raises:
        ValueError: if the volume is too small for the network's crops.
    """
    study = prepare_study(name, volume, [])
    axes = np.abs(volume.grid.direction).argmax(axis=0)
    spacing = np.zeros(3)
    spacing[axes] = volume.grid.spacing_mm
    pairs: list[ValidationPair] = []
    for _ in range(20 * count):
        if len(pairs) == count:
            return pairs
        drawn = draw_constructed_pair([study], ERRORS, SCENARIO, rng)
        if len(drawn.lesions) >= SMALLEST_LESIONS:
            pairs.append(_cut(name, drawn, np.maximum(spacing, SPACING_MM), study.volume.grid))
    raise ValueError(f"{name}: {len(pairs)} of {count} pairs after {20 * count} draws: is the volume too small?")


def _cut(name: str, drawn: ExamplePair, spacing_mm: PointMm, whole: Grid) -> ValidationPair:
    lesions = tuple(
        PairedLesion(f"{number}", x.clicked_mm, x.radius_mm, x.followup_mm, x.followup_radius_mm, x.expected_mm)
        for number, x in enumerate(drawn.lesions)
        if x.followup_mm is not None
    )
    low, high = whole.bounds_mm()
    templates = [template_grid(lesion.baseline_mm).bounds_mm() for lesion in lesions]
    searches = [search_grid(x.expected_mm, WIDE_VOXELS).bounds_mm() for x in lesions if x.expected_mm is not None]
    warp = drawn.followup.warp
    corners = np.array([low, high])
    reach = corners if warp is None else _reach(warp, low, high)
    return ValidationPair(
        name,
        _scanned(drawn.baseline, _box(templates, corners), spacing_mm),
        _scanned(drawn.followup, _box(searches, reach), spacing_mm),
        lesions,
    )


def _reach(warp: Warp, low: PointMm, high: PointMm) -> PointsMm:
    """Return the box that holds the study in the follow-up: its corners, carried along by the affine, and 40 mm more."""
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    affine = np.linalg.inv(warp.baseline_from_followup)
    moved = corners @ affine[:3, :3].T + affine[:3, 3]
    return np.array([moved.min(axis=0) - 40.0, moved.max(axis=0) + 40.0])


def _box(crops: Sequence[tuple[PointMm, PointMm]], limits: PointsMm) -> PointsMm:
    """Return the lowest and the highest corner of all crops together, within the limits."""
    low = np.maximum(np.min([crop[0] for crop in crops], axis=0), limits[0])
    high = np.minimum(np.max([crop[1] for crop in crops], axis=0), limits[1])
    return np.array([low, high])


def _scanned(scan: Scan, box: PointsMm, spacing_mm: PointMm) -> Volume:
    counts = np.maximum(np.ceil((box[1] - box[0]) / spacing_mm).astype(int) + 1, 2)
    size = (int(counts[0]), int(counts[1]), int(counts[2]))
    grid = Grid.from_parts(size, spacing_mm, box[0], np.eye(3))
    return Volume(scan.source()(grid).numpy(), grid)
