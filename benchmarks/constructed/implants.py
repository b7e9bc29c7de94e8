"""Lesions with true outlines: a body drawn into part of a study, and the same body, grown, in a later scan of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.constructed.bodies import LUNG_HU, Body, draw_bodies, random_body
from benchmarks.constructed.ct_look import add_ramp_noise
from benchmarks.constructed.map import rotation_matrix
from benchmarks.constructed.places import Places
from lesion_tracker.arrays import Hu, PointMm, PointsMm
from lesion_tracker.training.examples.draw import random_radius
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import AIR_HU, Volume

REACH_MM = 64.0
RADIUS_MM = (4.0, 20.0)
SOFT_HU = (-150.0, 150.0)
ROOM = 1.2
"""A body's farthest point lies at most this many times as far as the next lung, soft tissue or bone border."""
GROWTH = (0.6, 1.7)
TRIES = 2000


@dataclass(frozen=True, eq=False)
class Implant:
    """One scan with a body in it.

    Args:
        volume: int16 HU.
        cover: how much of each voxel the body covers, in [0, 1], on the volume's grid; the true outline is at 0.5.
        center_mm: LPS mm of the volume.
        radius_mm: of the body's farthest point.
    """

    volume: Volume
    cover: Hu
    center_mm: PointMm
    radius_mm: float


def implant_pair(volume: Volume, places: Places, is_lung: bool, rng: np.random.Generator) -> tuple[Implant, Implant]:
    """Return a body in a baseline and, grown or shrunk, in a follow-up.

    The follow-up is turned by up to 4 degrees, moved by up to 4 mm, and has slices and noise of its own.

    Args:
        volume: the study that the anatomy comes from.
        places: of the study.
        is_lung: whether the body lies in lung, or in soft tissue.
        rng: the only source of randomness.

    Raises:
        ValueError: if the study has no such place.
    """
    center, most_mm = _place(volume, places, is_lung, rng)
    radius = float(np.clip(random_radius(rng, most_mm), *RADIUS_MM))
    body = random_body(rng, center, radius, places.at(places.hu, center))
    part = _part(volume, center)
    baseline = _scan(part, body, center, None, float(rng.uniform(3, 12)), rng)
    later = body.changed(radius_mm=radius * float(rng.uniform(*GROWTH)), hu=body.hu + float(rng.normal(0, 8)))
    rotation = rotation_matrix(rng.uniform(-4, 4, 3))
    shift = rng.uniform(-4, 4, 3)
    spacing = volume.grid.spacing_mm.copy()
    spacing[2] = max(spacing[2], float(rng.choice([2.0, 2.5, 3.0, 5.0])))
    grid = _grid(center + shift, spacing)

    def baseline_from_here(points_mm: PointsMm) -> PointsMm:
        return np.asarray((points_mm - center - shift) @ rotation + center)

    moved = _turned(part, grid, rotation, shift, center)
    return baseline, _scan(moved, later, center + shift, baseline_from_here, float(rng.uniform(5, 20)), rng)


def _place(volume: Volume, places: Places, is_lung: bool, rng: np.random.Generator) -> tuple[PointMm, float]:
    """Draw a place and the largest radius that fits there."""
    for _ in range(TRIES):
        center = places.room(rng)
        hu = places.at(places.hu, center)
        fits = hu < LUNG_HU if is_lung else SOFT_HU[0] < hu < SOFT_HU[1]
        most = min(ROOM * places.at(places.room_mm, center), places.at(places.depth_mm, center))
        if fits and most >= RADIUS_MM[0] and volume.grid.contains(center[None], -12.0)[0]:
            return center, most
    raise ValueError(f"the study has no place in {'lung' if is_lung else 'soft tissue'}")


def _part(volume: Volume, center: PointMm) -> Volume:
    """Return the part of a study round a point, its axes along x, y, z."""
    across = np.argmax(np.abs(volume.grid.direction), axis=1)
    return resample(volume, _grid(center, volume.grid.spacing_mm[across]))


def _grid(center: PointMm, spacing: PointMm) -> Grid:
    half = np.ceil(REACH_MM / spacing).astype(int)
    size = 2 * half + 1
    return Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), spacing, center - half * spacing, np.eye(3))


def _turned(part: Volume, grid: Grid, rotation: np.ndarray, shift: PointMm, center: PointMm) -> Volume:
    """Return a part of a study on a grid of the follow-up: the anatomy turned about the centre and moved."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.T
    matrix[:3, 3] = center - rotation.T @ (center + shift)
    seen = resample(part, Grid(grid.size, matrix @ grid.lps_from_index))
    return Volume(seen.hu, grid)


def _scan(
    part: Volume,
    body: Body,
    here_mm: PointMm,
    baseline_from_here: Callable[[PointsMm], PointsMm] | None,
    noise_hu: float,
    rng: np.random.Generator,
) -> Implant:
    placed = [(body, here_mm)]
    hu = draw_bodies(part.hu, part.grid, placed, baseline_from_here)
    hu = add_ramp_noise(hu, noise_hu, float(rng.uniform(0.15, 0.4)), rng)
    plain = body.changed(hu=1.0, core_hu=0.0, speckle_hu=0.0)
    cover = draw_bodies(np.zeros(part.grid.shape), part.grid, [(plain, here_mm)], baseline_from_here)
    volume = Volume(np.clip(np.rint(hu), AIR_HU, 3071).astype(np.int16), part.grid)
    return Implant(volume, cover, here_mm, body.radius_mm)
