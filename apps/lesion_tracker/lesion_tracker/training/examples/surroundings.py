"""What lies round the lesions of a constructed pair, and which of them its scans show: coverage, table, field, slices."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.training.examples.appearance import Appearance
from lesion_tracker.training.examples.couch import random_table
from lesion_tracker.training.examples.field_of_view import random_field
from lesion_tracker.training.examples.pair import ExampleLesion
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.training.prepared.prepared_study import PreparedStudy

MARGIN_MM = 6.0
"""A lesion counts as scanned where its centre is so far from the end."""


def surroundings(
    looks: tuple[Appearance, Appearance],
    study: PreparedStudy,
    first: ExampleLesion,
    center: PointMm,
    followup_center: PointMm,
    warp: Warp,
    settings: ScenarioSettings,
    rng: np.random.Generator,
) -> tuple[Appearance, Appearance]:
    """Add coverage, table, field of view, thick slices and phase to how both scans were made.

    Shares of 0 draw nothing, so that older runs stay as they were.

    Args:
        looks: of the baseline and of the follow-up.
        study: the baseline.
        first: the pair's first lesion.
        center: of that lesion in the baseline, LPS mm.
        followup_center: where it is in the follow-up, or would be.
        warp: from follow-up to baseline.
        settings: the shares.
        rng: the only source of randomness.
    """
    before, after = looks
    if settings.coverage > 0 and rng.random() < settings.coverage:
        side = 1 if rng.random() < 0.5 else -1
        z = float(followup_center[2] + side * (first.followup_radius_mm + rng.uniform(10, 40)))
        after = replace(after, cut_mm=(z, side))
    if settings.table > 0 and rng.random() < settings.table:
        after = replace(after, table=random_table(rng, study.volume, center, warp))
    if settings.outside > 0 and rng.random() < settings.outside:
        side = 1 if rng.random() < 0.5 else -1
        z = float(followup_center[2] - side * (first.followup_radius_mm + rng.uniform(2, 25)))
        after = replace(after, cut_mm=(z, side))
    before = _scanned_otherwise(before, study, center, center, settings, rng)
    return before, _scanned_otherwise(after, study, followup_center, center, settings, rng)


def _scanned_otherwise(
    look: Appearance,
    study: PreparedStudy,
    here_mm: PointMm,
    study_mm: PointMm,
    settings: ScenarioSettings,
    rng: np.random.Generator,
) -> Appearance:
    """Add field of view, thick slices and phase.

    Args:
        look: of one scan.
        study: the baseline.
        here_mm: the lesion in the scan's coordinates.
        study_mm: the lesion in the study's coordinates.
        settings: the shares.
        rng: the only source of randomness.
    """
    if settings.thick > 0 and rng.random() < settings.thick:
        slices = int(rng.integers(4, 6))
        look = replace(look, slices=slices, first_slice=int(rng.integers(0, slices)))
    if settings.phases > 0 and rng.random() < settings.phases:
        look = replace(look, contrast_hu=float(rng.normal(0, 40)), vessel_gain=float(rng.uniform(0.1, 1.5)))
    if settings.field > 0 and rng.random() < settings.field:
        look = replace(look, field=random_field(rng, study, here_mm, study_mm))
    return look


def as_scanned(
    lesions: Sequence[ExampleLesion], before: Appearance, after: Appearance, warp: Warp, settings: ScenarioSettings
) -> list[ExampleLesion]:
    """Return the lesions that the baseline shows as the follow-up shows them: there, absent, or left out at an end.

    Args:
        lesions: of a pair.
        before: how the baseline was made.
        after: how the follow-up was made.
        warp: from follow-up to baseline.
        settings: without a share of `outside`, lesions beyond the follow-up's end are left out.
    """
    found = []
    for lesion in lesions:
        clicked = lesion.clicked_mm[None]
        if before.field is not None and not before.field.holds(clicked, clicked, MARGIN_MM)[0]:
            continue
        if lesion.followup_mm is None:
            found.append(lesion)
            continue
        here = lesion.followup_mm[None]
        inside = np.inf if after.cut_mm is None else (after.cut_mm[0] - here[0, 2]) * after.cut_mm[1]
        kept = after.field is None or bool(after.field.holds(here, warp(here), MARGIN_MM)[0])
        if inside > MARGIN_MM and kept:
            found.append(lesion)
        elif inside < -lesion.followup_radius_mm and settings.outside > 0:
            found.append(replace(lesion, followup_mm=None, kind="outside"))
    return found
