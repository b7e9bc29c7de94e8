"""Which lesions an example has: the first, that the crops lie round, and others that the same crops show."""

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.training.examples.crops import inside_crop
from lesion_tracker.training.examples.draw import RegistrationErrors, random_radius
from lesion_tracker.training.examples.pair import ExampleLesion
from lesion_tracker.training.examples.real_lesions import real_lesions
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.training.prepared.prepared_study import PreparedStudy, points_with_structure
from lesion_tracker.volumes.grid import Grid

BLOCK_MM = np.array([12.8, 12.8, 4.0])
"""Further lesions of a template crop sit at whole blocks from the first: all have the same place in their cells."""


def first_lesion(
    study: PreparedStudy, settings: ScenarioSettings, rng: np.random.Generator
) -> tuple[PointMm, float, str]:
    """Return centre (LPS mm), radius (mm) and kind of the lesion that the pair is drawn round.

    A detector's findings take the place of drawn places with structure; marked lesions and implants stay as frequent.

    Raises:
        ValueError: if no place with structure was drawn; draw again, or take another study.
    """
    if settings.outlined > 0 and study.outlines and rng.random() < settings.outlined and real_lesions(study):
        real = real_lesions(study)[rng.integers(len(real_lesions(study)))].body
        return real.center_mm, real.radius_mm, "outlined"
    if len(study.lesions) and rng.random() < 0.2:
        row = study.lesions[rng.integers(len(study.lesions))]
        return row[:3].copy(), float(row[3]), "marked"
    grid = study.volume.grid
    margin = np.minimum([20.0, 20.0, 6.0], np.array(grid.size) * grid.spacing_mm * 0.2)
    low, high = grid.bounds_mm()
    points = rng.uniform(low + margin, high - margin, (200, 3))
    usable = points[points_with_structure(study, points)]
    if len(usable) and rng.random() < settings.implant:
        return usable[0], random_radius(rng, 25.0), "implant"
    if len(study.proposals):
        row = study.proposals[rng.integers(len(study.proposals))]
        return row[:3].copy(), float(row[3]), "proposal"
    if not len(usable):
        raise ValueError(f"{study.name} has no structure where 200 points were drawn")
    return usable[0], random_radius(rng), "structure"


def further_lesions(
    study: PreparedStudy,
    first: ExampleLesion,
    template_grid: Grid,
    search_grid: Grid,
    warp: Warp,
    moved_mm: PointMm,
    errors: RegistrationErrors,
    settings: ScenarioSettings,
    rng: np.random.Generator,
) -> list[ExampleLesion]:
    """Return structured places of the same crops as further lesions: they cost a correlation, not an encoding.

    Args:
        study: the baseline.
        first: the pair's first lesion.
        template_grid: crop of the baseline.
        search_grid: crop of the follow-up.
        warp: from follow-up to baseline; where a region moved by itself, its last bump is that region.
        moved_mm: how far that region moved, 0 where none did.
        errors: of registration.
        settings: how many lesions a pair has at most.
        rng: the only source of randomness.
    """
    reach = np.array(settings.template_voxels) * np.array(SPACING_MM) / 2 / BLOCK_MM
    most = np.maximum(np.floor(reach).astype(int) - [1, 1, 2], 1)
    steps = rng.integers(-most, most + 1, (60, 3))
    points = first.clicked_mm + steps[np.abs(steps).sum(axis=1) > 0] * BLOCK_MM
    usable = points[points_with_structure(study, points) & template_grid.contains(points, -8.0)]
    found: list[ExampleLesion] = []
    if not len(usable):
        return found
    for clicked, followup in zip(usable, warp.inverse(usable), strict=True):
        if len(found) >= settings.lesions - 1:
            break
        if inside_crop(search_grid, followup):
            radius = random_radius(rng)
            error = errors.draw_where_moved(moved_mm * _share(warp, followup, moved_mm), rng)
            later = radius * warp.scale
            found.append(ExampleLesion(clicked, radius, followup, later, followup + error, "structure", 0.0))
    return found


def _share(warp: Warp, followup: PointMm, moved_mm: PointMm) -> float:
    """Return the part of the moving region's motion that a place takes, in [0, 1]."""
    if not moved_mm.any():
        return 0.0
    region = warp.bumps[-1]
    return float(np.exp(-np.sum((followup - region.center_mm) ** 2) / (2 * region.width_mm**2)))
