"""Draws a constructed pair: which study, which lesions, what changed between the scans, where registration errs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.network.lattice import CELL_VOXELS, crop_grid
from lesion_tracker.training.examples.appearance import Appearance, random_appearance
from lesion_tracker.training.examples.couch import random_table
from lesion_tracker.training.examples.draw import RegistrationErrors, random_radius
from lesion_tracker.training.examples.implant_changes import implants_later, implants_of
from lesion_tracker.training.examples.pair import ExampleLesion, ExamplePair
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.warp import Bump, Swelling, Warp, moving_region, pose, random_bumps
from lesion_tracker.training.prepared.prepared_study import PreparedStudy, points_with_structure
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import sample_at_index

STRUCTURE_HU = 45.0
"""A place counts as structured where HU vary by this much (standard deviation) within 16 x 16 x 20 mm."""

BLOCK_MM = np.array([12.8, 12.8, 4.0])
"""Further lesions of a template crop sit at whole blocks from the first: all have the same place in their cells."""


@dataclass(frozen=True)
class ScenarioSettings:
    """What a pair may look like.

    Args:
        template_voxels: template crop along x, y, z; multiples of (16, 16, 2).
        search_voxels: search crops along x, y, z, one is drawn for each pair.
        lesions: at most so many a pair.
        implant: share of pairs whose first lesion is implanted.
        moving: share of pairs whose region moved against its surroundings.
        vanished: share of implants that are gone in the follow-up.
        elastic_mm: largest amplitude of one elastic bump.
        rotation_deg: largest rotation.
        scale: largest scale; the smallest is its inverse.
        coverage: share of follow-ups that end 10 to 40 mm above or below the first lesion's surface.
        table: share of follow-ups with a table under the body.
    """

    template_voxels: tuple[int, int, int] = (144, 144, 28)
    search_voxels: tuple[tuple[int, int, int], ...] = ((144, 144, 40), (160, 160, 32), (128, 128, 56), (144, 144, 48))
    lesions: int = 5
    implant: float = 0.45
    moving: float = 0.35
    vanished: float = 0.08
    elastic_mm: float = 9.0
    rotation_deg: float = 10.0
    scale: float = 1.2
    coverage: float = 0.0
    table: float = 0.0


def draw_pair(
    studies: Sequence[PreparedStudy], errors: RegistrationErrors, settings: ScenarioSettings, rng: np.random.Generator
) -> ExamplePair:
    """Draw one constructed pair; draws again where a warp cannot be inverted or no lesion stays in the crop.

    Raises:
        ValueError: if 50 draws in a row fail: the studies are too small for the crops.
    """
    for _ in range(50):
        try:
            pair = _draw_once(studies, errors, settings, rng)
        except ValueError:
            continue
        if pair.lesions:
            return pair
    raise ValueError("50 constructed pairs in a row held no usable lesion: are the studies smaller than the crops?")


def _draw_once(
    studies: Sequence[PreparedStudy], errors: RegistrationErrors, settings: ScenarioSettings, rng: np.random.Generator
) -> ExamplePair:
    weights = np.array([study.volume.hu.size for study in studies], dtype=np.float64) ** 0.5
    study = studies[rng.choice(len(studies), p=weights / weights.sum())]
    center, radius, kind = first_lesion(study, settings, rng)
    around = _hu_at(study, center)
    implants = implants_of(center, radius, around, kind, rng)
    warp, moved = _warp(center, settings, rng)
    gone = kind == "implant" and rng.random() < settings.vanished
    factor = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0)))) if kind == "implant" else 1.0
    followup_center = warp.inverse(center[None])[0]
    if kind == "marked" and rng.random() < 0.5:
        factor = float(rng.uniform(0.7, 1.4))
        warp = Warp(warp.baseline_from_followup, warp.bumps, (Swelling(followup_center, radius, factor),))
    later = implants_later(implants, gone, factor, followup_center, warp, around, rng) if implants else ()
    scale = float(np.linalg.det(warp.baseline_from_followup[:3, :3]) ** (-1 / 3))
    grid = template_crop(center, radius, kind, settings, rng)
    clicked = grid[1]
    first = ExampleLesion(
        clicked_mm=clicked,
        radius_mm=radius,
        followup_mm=None if gone else followup_center if kind != "structure" else warp.inverse(clicked[None])[0],
        followup_radius_mm=radius * scale * factor,
        expected_mm=followup_center + _prior_error(errors, moved, rng),
        kind="vanished" if gone else kind,
        moved_mm=float(np.linalg.norm(moved)),
    )
    search = search_crop(first.expected_mm, followup_center, settings, rng)
    others = further_lesions(study, first, grid[0], search, warp, scale, moved, errors, settings, rng)
    looks = random_appearance(rng), random_appearance(rng)
    seeds = rng.integers(0, 2**31, 2)
    look = _surroundings(looks[1], study, first, center, followup_center, warp, settings, rng)
    others = [lesion for lesion in others if _covered(look, lesion.followup_mm)]
    return ExamplePair(
        Scan(study.volume, None, implants, looks[0], int(seeds[0])),
        Scan(study.volume, warp, later, look, int(seeds[1])),
        grid[0],
        search,
        (first, *others) if gone or inside_crop(search, followup_center) else tuple(others),
    )


def first_lesion(
    study: PreparedStudy, settings: ScenarioSettings, rng: np.random.Generator
) -> tuple[PointMm, float, str]:
    """Return centre, radius and kind of the lesion that the pair is drawn round.

    A detector's findings take the place of drawn places with structure; marked lesions and implants stay as frequent.
    """
    if len(study.lesions) and rng.random() < 0.2:
        row = study.lesions[rng.integers(len(study.lesions))]
        return row[:3].copy(), float(row[3]), "marked"
    grid = study.volume.grid
    margin = np.minimum([20.0, 20.0, 6.0], np.array(grid.size) * grid.spacing_mm * 0.2)
    low, high = grid.bounds_mm()
    points = rng.uniform(low + margin, high - margin, (200, 3))
    usable = points[points_with_structure(study, points, STRUCTURE_HU)]
    if len(usable) and rng.random() < settings.implant:
        return usable[0], random_radius(rng, 25.0), "implant"
    if len(study.proposals):
        row = study.proposals[rng.integers(len(study.proposals))]
        return row[:3].copy(), float(row[3]), "proposal"
    if not len(usable):
        raise ValueError(f"{study.name} has no structure where 200 points were drawn")
    return usable[0], random_radius(rng), "structure"


def _hu_at(study: PreparedStudy, center: PointMm) -> float:
    index = study.volume.grid.indices_from_lps(
        center[None] + np.array([[0, 0, 0], [3, 0, 0], [-3, 0, 0], [0, 3, 0], [0, -3, 0]])
    )
    return float(sample_at_index(study.volume.hu, torch.from_numpy(index).float()[:, None, None]).mean())


def _surroundings(
    look: Appearance,
    study: PreparedStudy,
    first: ExampleLesion,
    center: PointMm,
    followup_center: PointMm,
    warp: Warp,
    settings: ScenarioSettings,
    rng: np.random.Generator,
) -> Appearance:
    """Add the end of the coverage and the table; shares of 0 draw nothing, so that older runs stay as they were."""
    if settings.coverage > 0 and rng.random() < settings.coverage:
        side = 1 if rng.random() < 0.5 else -1
        z = float(followup_center[2] + side * (first.followup_radius_mm + rng.uniform(10, 40)))
        look = replace(look, cut_mm=(z, side))
    if settings.table > 0 and rng.random() < settings.table:
        look = replace(look, table=random_table(rng, study.volume, center, warp))
    return look


def _covered(look: Appearance, followup_mm: PointMm | None, margin_mm: float = 6.0) -> bool:
    """Say whether a place was scanned, `margin_mm` from the end of the coverage."""
    if look.cut_mm is None or followup_mm is None:
        return True
    z, side = look.cut_mm
    return bool((z - followup_mm[2]) * side > margin_mm)


def _warp(center: PointMm, settings: ScenarioSettings, rng: np.random.Generator) -> tuple[Warp, PointMm]:
    """Return the map from follow-up to baseline, and how far the lesion's region moved against its surroundings."""
    angles = rng.uniform(-1, 1, 3) * settings.rotation_deg * np.array([0.5, 0.5, 1.0])
    scale = float(np.exp(rng.uniform(-1, 1) * np.log(settings.scale)))
    bumps: tuple[Bump, ...] = random_bumps(rng, center, 80.0, settings.elastic_mm) if rng.random() < 0.85 else ()
    affine = pose(center, angles, scale if rng.random() < 0.5 else 1.0)
    if rng.random() >= settings.moving:
        return Warp(affine, bumps), np.zeros(3)
    length = rng.uniform(15, 45)
    region = moving_region(rng, center, length, length)
    # The region's content sits where the bump, centred on it, reads it: place the bump at the lesion's new position.
    region = Bump(center - region.shift_mm, region.shift_mm, region.width_mm)
    return Warp(affine, (*bumps, region)), -region.shift_mm


def _prior_error(errors: RegistrationErrors, moved: PointMm, rng: np.random.Generator) -> PointMm:
    """Registration keeps to the surroundings: where a region moved, it mostly misses the motion."""
    if moved.any():
        return -moved * rng.uniform(0.2, 1.1) + rng.normal(0, 4, 3)
    return errors.draw(rng)


def template_crop(
    center: PointMm, radius: float, kind: str, settings: ScenarioSettings, rng: np.random.Generator
) -> tuple[Grid, PointMm]:
    """Return the template crop and the click, which lies in the middle of one of its cells."""
    clicked = center
    if kind != "structure" and rng.random() < 0.7:
        shift = rng.normal(size=3)
        clicked = center + shift / np.linalg.norm(shift) * 0.25 * radius * rng.random() ** (1 / 3)
    size = np.array(settings.template_voxels)
    blocks = size // (2 * np.array([16, 16, 2]))
    blocks = blocks + rng.integers([-1, -1, -2], [1, 1, 3])
    voxel = blocks * np.array([16, 16, 2]) + (CELL_VOXELS - 1) / 2
    return crop_grid(clicked - voxel * np.array(SPACING_MM), settings.template_voxels), clicked


def search_crop(
    expected: PointMm, followup_center: PointMm, settings: ScenarioSettings, rng: np.random.Generator
) -> Grid:
    """Return a search crop round the expected place, on no lattice; it is drawn towards the lesion where it must be."""
    sizes = np.array(settings.search_voxels[rng.integers(len(settings.search_voxels))])
    half = sizes * np.array(SPACING_MM) / 2
    middle = np.clip(expected + rng.uniform(-6.4, 6.4, 3), followup_center - half + 10, followup_center + half - 10)
    return crop_grid(middle - half, (int(sizes[0]), int(sizes[1]), int(sizes[2])))


def inside_crop(grid: Grid, point: PointMm, margin_mm: float = 6.0) -> bool:
    """Say whether an LPS point lies in a crop, `margin_mm` from its border."""
    return bool(grid.contains(point[None], -margin_mm)[0])


def further_lesions(
    study: PreparedStudy,
    first: ExampleLesion,
    template_grid: Grid,
    search_grid: Grid,
    warp: Warp,
    scale: float,
    moved: PointMm,
    errors: RegistrationErrors,
    settings: ScenarioSettings,
    rng: np.random.Generator,
) -> list[ExampleLesion]:
    """Return structured places of the same crops as further lesions: they cost a correlation, not an encoding."""
    reach = np.array(settings.template_voxels) * np.array(SPACING_MM) / 2 / BLOCK_MM
    most = np.maximum(np.floor(reach).astype(int) - [1, 1, 2], 1)
    steps = rng.integers(-most, most + 1, (60, 3))
    points = first.clicked_mm + steps[np.abs(steps).sum(axis=1) > 0] * BLOCK_MM
    usable = points[points_with_structure(study, points, STRUCTURE_HU) & template_grid.contains(points, -8.0)]
    found: list[ExampleLesion] = []
    if not len(usable):
        return found
    for clicked, followup in zip(usable, warp.inverse(usable), strict=True):
        if len(found) >= settings.lesions - 1:
            break
        if inside_crop(search_grid, followup):
            radius = random_radius(rng)
            error = _prior_error(errors, moved * _share(warp, followup, moved), rng)
            found.append(ExampleLesion(clicked, radius, followup, radius * scale, followup + error, "structure", 0.0))
    return found


def _share(warp: Warp, followup: PointMm, moved: PointMm) -> float:
    """Return the part of the moving region's motion that a place takes, in [0, 1]."""
    if not moved.any():
        return 0.0
    region = warp.bumps[-1]
    return float(np.exp(-np.sum((followup - region.center_mm) ** 2) / (2 * region.width_mm**2)))
