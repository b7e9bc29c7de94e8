"""Implanted lesions with their look-alikes and outlined real ones, and what has become of them in the follow-up."""

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.training.examples.draw import random_radius
from lesion_tracker.training.examples.implants import Implant, random_implant
from lesion_tracker.training.examples.real_lesions import real_lesions
from lesion_tracker.training.examples.scan import Body
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.training.prepared.prepared_study import PreparedStudy


def implants_of(
    center: PointMm, radius: float, around: float, kind: str, rng: np.random.Generator
) -> tuple[Implant, ...]:
    """Return the lesion as an implant first, then its look-alikes.

    Centres are 10 to 20 mm apart where both radii together are at most 12 mm; larger bodies are moved apart by what
    their radii have beyond that, so that their surfaces are between 2 mm of overlap and a gap of 8 mm.

    Args:
        center: LPS mm of the baseline.
        radius: mm.
        around: HU of the surroundings.
        kind: of the pair's first lesion; nothing is drawn for others than "implant".
        rng: the only source of randomness.
    """
    if kind != "implant":
        return ()
    lesion = random_implant(rng, center, radius, around)
    bodies = [lesion]
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        size = min(radius, 8.0) * rng.uniform(0.7, 1.3)
        direction = rng.normal(size=3)
        place = center + direction / np.linalg.norm(direction) * (rng.uniform(10, 20) + max(0.0, radius + size - 12))
        like = random_implant(rng, place, float(size), around).changed(hu=lesion.hu + rng.normal(0, 10))
        bodies.append(like)
    return tuple(bodies)


def implants_later(
    implants: tuple[Implant, ...],
    gone: bool,
    factor: float,
    followup_center: PointMm,
    warp: Warp,
    around: float,
    rng: np.random.Generator,
) -> tuple[Implant, ...]:
    """Return the implants of the follow-up: the lesion grown or gone, its look-alikes, and sometimes a new one.

    Args:
        implants: of the baseline, the lesion first.
        gone: whether the lesion has vanished.
        factor: of its radius.
        followup_center: LPS mm of the follow-up.
        warp: from follow-up to baseline.
        around: HU of the surroundings.
        rng: the only source of randomness.
    """
    lesion, *likes = implants
    bodies = [] if gone else [lesion.changed(radius_mm=lesion.radius_mm * factor, hu=lesion.hu + rng.normal(0, 15))]
    bodies += likes
    if rng.random() < 0.15:
        direction = rng.normal(size=3)
        place = followup_center + direction / np.linalg.norm(direction) * (
            rng.uniform(15, 30) + lesion.radius_mm * factor
        )
        bodies.append(random_implant(rng, warp(place[None])[0], random_radius(rng, 15.0), around))
    return tuple(bodies)


def outlined_later(study: PreparedStudy, center: PointMm, gone: bool, factor: float) -> tuple[Body, ...]:
    """Return what the follow-up draws over an outlined lesion: healthy tissue, and on it the lesion at its new size.

    Args:
        study: that holds it.
        center: of the lesion, LPS mm of the baseline.
        gone: whether it has vanished.
        factor: of its radius.
    """
    lesion = min(real_lesions(study), key=lambda one: float(np.linalg.norm(one.body.center_mm - center)))
    return (lesion.cover,) if gone else (lesion.cover, lesion.body.grown(factor))
