"""Constructed follow-ups: a study, its lesions, what changed between the scans, and where registration errs."""

from collections.abc import Sequence

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.training.examples.appearance import random_appearance
from lesion_tracker.training.examples.crops import inside_crop, search_crop, template_crop
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.implant_changes import implants_later, implants_of, outlined_later
from lesion_tracker.training.examples.lesions import first_lesion, further_lesions
from lesion_tracker.training.examples.pair import ExampleLesion, ExamplePair, drawn_again
from lesion_tracker.training.examples.scan import Body, Scan
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.examples.surroundings import as_scanned, surroundings
from lesion_tracker.training.examples.warp import Bump, Swelling, Warp, moving_region, pose, random_bumps
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.volumes.resample import sample_at_index

LARGEST_LOG_GROWTH = float(np.log(1.5))
"""An outlined lesion's radius becomes two thirds to one and a half of what it is."""


def draw_constructed_pair(
    studies: Sequence[PreparedStudy], errors: RegistrationErrors, settings: ScenarioSettings, rng: np.random.Generator
) -> ExamplePair:
    """Draw one constructed pair; draws again where a warp cannot be inverted or no lesion stays in the crop.

    Args:
        studies: the baseline is one of them; large ones more often.
        errors: of registration.
        settings: what the pair may look like.
        rng: the only source of randomness.

    Raises:
        ValueError: if 50 draws in a row fail: the studies are too small for the crops.
    """
    return drawn_again("constructed", lambda: _draw_once(studies, errors, settings, rng))


def _draw_once(
    studies: Sequence[PreparedStudy], errors: RegistrationErrors, settings: ScenarioSettings, rng: np.random.Generator
) -> ExamplePair:
    weights = np.array([study.volume.hu.size for study in studies], dtype=np.float64) ** 0.5
    study = studies[rng.choice(len(studies), p=weights / weights.sum())]
    center, radius, kind = first_lesion(study, settings, rng)
    around = _hu_at(study, center)
    implants = implants_of(center, radius, around, kind, rng)
    warp, moved = _warp(center, settings, rng)
    gone = kind in ("implant", "outlined") and rng.random() < settings.vanished
    factor = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0)))) if kind == "implant" else 1.0
    followup_center = warp.inverse(center[None])[0]
    if kind == "marked" and rng.random() < 0.5:
        factor = float(rng.uniform(0.7, 1.4))
        warp = Warp(warp.baseline_from_followup, warp.bumps, (Swelling(followup_center, radius, factor),))
    later: tuple[Body, ...] = ()
    if implants:
        later = implants_later(implants, gone, factor, followup_center, warp, around, rng)
    if kind == "outlined":
        factor = float(np.exp(rng.uniform(-1, 1) * LARGEST_LOG_GROWTH))
        later = outlined_later(study, center, gone, factor)
    grid, clicked = template_crop(center, radius, kind, settings, rng)
    first = ExampleLesion(
        clicked_mm=clicked,
        radius_mm=radius,
        followup_mm=None if gone else followup_center if kind != "structure" else warp.inverse(clicked[None])[0],
        followup_radius_mm=radius * warp.scale * factor,
        expected_mm=followup_center + errors.draw_where_moved(moved, rng),
        kind="vanished" if gone else kind,
        moved_mm=float(np.linalg.norm(moved)),
    )
    search = search_crop(first.expected_mm, followup_center, settings, rng)
    others = further_lesions(study, first, grid, search, warp, moved, errors, settings, rng)
    looks = random_appearance(rng), random_appearance(rng)
    seeds = rng.integers(0, 2**31, 2)
    before, after = surroundings(looks, study, first, center, followup_center, warp, settings, rng)
    shown = [first, *others] if gone or inside_crop(search, followup_center) else others
    return ExamplePair(
        Scan(study.volume, None, implants, before, int(seeds[0])),
        Scan(study.volume, warp, later, after, int(seeds[1])),
        grid,
        search,
        tuple(as_scanned(shown, before, after, warp, settings)),
    )


def _hu_at(study: PreparedStudy, center: PointMm) -> float:
    index = study.volume.grid.indices_from_lps(
        center[None] + np.array([[0, 0, 0], [3, 0, 0], [-3, 0, 0], [0, 3, 0], [0, -3, 0]])
    )
    return float(sample_at_index(study.volume.hu, torch.from_numpy(index).float()[:, None, None]).mean())


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
