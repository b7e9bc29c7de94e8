"""Draws a benchmark pair whose deformations, lesions and noise training does not use; a third of the lesions is hard."""

from dataclasses import dataclass, field

import numpy as np

from benchmarks.constructed.bodies import Body, random_body
from benchmarks.constructed.deformation import random_field
from benchmarks.constructed.hard_pair import HARD_MM, HardScenario, Scanner, TrueLesion, triple
from benchmarks.constructed.map import rotation_matrix
from benchmarks.constructed.moved_region import Regions, random_region
from benchmarks.constructed.places import Places
from benchmarks.constructed.region_map import RegionMap
from lesion_tracker.arrays import PointMm
from lesion_tracker.training.examples.draw import random_radius
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

LESIONS = 10
STRUCTURES = 4
"""Of LESIONS; the others are implants."""
MOTION_MM = (20.0, 45.0)
STILL_MM = 5.0
"""Lesions of the easy part move by less than this against their surroundings."""
MARGIN_MM = 8.0
ROOM_MM = 12.0
TRIES = 400
CHANGES = ("same", "grown", "shrunk", "faded", "look-alikes", "new neighbour")
MOST_MM = {"grown": 12.0, "look-alikes": 6.5, "new neighbour": 12.0}
"""Largest radius of an implant before a change that needs room."""


@dataclass(frozen=True)
class Mix:
    """What a pair is made of.

    Args:
        hard: lesions whose region moves by itself; None: three, and four in one pair of three.
        motion_mm: least and most that such a region moves.
        more: further lesions wherever they are seen.
        moving: every so manieth of them lies in a region that moves.
        vanished: lesions that vanish; None: one and two in turn.
        changes: what an implant can become.
        decoys: whether each vanished lesion leaves one behind that looks like it, 12 to 25 mm away.
    """

    hard: int | None = None
    motion_mm: tuple[float, float] = MOTION_MM
    more: int = 0
    moving: int = 4
    vanished: int | None = None
    changes: tuple[str, ...] = CHANGES
    decoys: bool = False


USUAL = Mix()


@dataclass
class _Drawing:
    """A scenario in the making."""

    places: Places
    baseline: Grid
    rng: np.random.Generator
    exact: RegionMap
    grid: Grid
    mix: Mix
    lesions: list[TrueLesion] = field(default_factory=list)
    before: list[Body] = field(default_factory=list)
    after: list[Body] = field(default_factory=list)


def draw_scenario(
    volume: Volume, places: Places, number: int, rng: np.random.Generator, mix: Mix = USUAL
) -> HardScenario:
    """Draw what changes between a study and its follow-up.

    Args:
        volume: the study.
        places: of the study.
        number: of the pair; every other one covers less than the baseline, one in three has four hard lesions.
        rng: the only source of randomness.
        mix: what it is made of.

    Raises:
        ValueError: if the study is too small to hold a moved region.
    """
    exact = _smooth_map(volume.grid, rng)
    scanner = _scanner(rng)
    grid = _followup_grid(volume.grid, exact, scanner, _coverage(number, rng))
    drawing = _Drawing(places, volume.grid, rng, exact, grid, mix)
    slots = [("structure" if n < STRUCTURES else "implant") for n in rng.permutation(LESIONS)]
    hard = mix.hard or (4 if number % 3 == 2 else 3)
    _draw_hard(drawing, slots[:hard])
    for kind in slots[hard:]:
        _draw_easy(drawing, kind)
    for n in range(mix.more):
        _draw_more(drawing, moving=n % mix.moving == 0)
    for n in range(mix.vanished or 1 + number % 2):
        _draw_vanished(drawing, f"vanished_{n + 1}")
    _draw_outside(drawing)
    return HardScenario(
        drawing.exact,
        grid,
        scanner,
        tuple(drawing.before),
        tuple(drawing.after),
        tuple(drawing.lesions),
        int(rng.integers(2**31)),
    )


def _smooth_map(grid: Grid, rng: np.random.Generator) -> RegionMap:
    low, high = grid.bounds_mm()
    smooth = random_field(float(rng.uniform(3, 9)), float(rng.uniform(-12, 12)), low, high, rng)
    turn = rng.uniform(-1, 1, 3) * [3.0, 3.0, 6.0]
    return RegionMap(rotation_matrix(turn), (low + high) / 2, rng.uniform(-1, 1, 3) * [30.0, 30.0, 80.0], smooth, ())


def _scanner(rng: np.random.Generator) -> Scanner:
    phase = rng.random() < 0.6
    return Scanner(
        slice_mm=float(rng.choice([2.0, 2.5, 3.0, 3.75, 5.0])),
        kernel_mm=float(rng.choice([0.0, 0.5, 0.9, -0.6])),
        noise_hu=(float(rng.uniform(3, 9)), float(rng.uniform(8, 30))),
        cutoff=(float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.15, 0.4))),
        streaks=int(rng.integers(0, 4)),
        vessels_hu=float(rng.normal(0, 50)) if phase else 0.0,
        tissue_hu=float(rng.normal(0, 18)) if phase else 0.0,
        table=bool(rng.random() < 0.7),
    )


def _coverage(number: int, rng: np.random.Generator) -> tuple[float, float]:
    cut = float(rng.uniform(0.12, 0.2))
    return ((0.0, 1.0), (cut, 1.0), (0.0, 1.0), (0.0, 1.0 - cut))[number % 4]


def _followup_grid(grid: Grid, exact: RegionMap, scanner: Scanner, coverage: tuple[float, float]) -> Grid:
    low_mm, high_mm = grid.bounds_mm()
    corners = np.stack(np.meshgrid(*zip(low_mm, high_mm, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)
    posed = exact.posed(corners)
    low, high = posed.min(axis=0) - ROOM_MM, posed.max(axis=0) + ROOM_MM
    middle, height = float(exact.posed((low_mm + high_mm)[None] / 2)[0, 2]), float(high_mm[2] - low_mm[2])
    low[2], high[2] = middle + height * (coverage[0] - 0.5), middle + height * (coverage[1] - 0.5)
    across = np.argmax(np.abs(grid.direction), axis=1)
    spacing = grid.spacing_mm[across]
    spacing[2] = scanner.slice_mm
    size = np.maximum(np.floor((high - low) / spacing).astype(int) + 1, 1)
    return Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), spacing, low, np.eye(3))


def _draw_hard(drawing: _Drawing, kinds: list[str]) -> None:
    """Draw the regions that move, each with a lesion in its middle."""
    rng = drawing.rng
    for _ in range(30):
        exact, spots = drawing.exact, []
        for kind in kinds:
            center, radius = _spot(drawing, kind, 14.0)
            shift = _motion(drawing, center)
            smooth = exact.regions.move(drawing.exact.field.move_back(center[None]))[0]
            regions = (*exact.regions.regions, random_region(smooth, shift, rng))
            exact = RegionMap(exact.rotation, exact.pivot_mm, exact.shift_mm, exact.field, (), Regions(regions))
            spots.append((kind, center, radius))
        centers = np.array([center for _, center, _ in spots])
        apart = np.linalg.norm(centers[:, None] - centers, axis=2)[np.triu_indices(len(centers), 1)]
        seen = drawing.grid.contains(exact.followup_from_baseline(centers), -MARGIN_MM)
        if seen.all() and (exact.moved_mm(centers) >= HARD_MM).all() and (apart > 45).all():
            break
    else:
        raise ValueError("no three regions that move 15 mm and stay in view fit into the study")
    drawing.exact = exact
    for kind, center, radius in spots:
        _add(drawing, kind, center, radius)


def _motion(drawing: _Drawing, center: PointMm) -> PointMm:
    """Draw how a region moves; its middle stays in the body."""
    for _ in range(50):
        shift = drawing.rng.normal(size=3)
        shift *= drawing.rng.uniform(*drawing.mix.motion_mm) / np.linalg.norm(shift)
        if drawing.places.at(drawing.places.depth_mm, center + shift) > 5:
            break
    return np.asarray(shift)


def _draw_easy(drawing: _Drawing, kind: str) -> None:
    for _ in range(TRIES):
        center, radius = _spot(drawing, kind, 25.0)
        if drawing.exact.moved_mm(center[None])[0] < STILL_MM and _seen(drawing, center):
            _add(drawing, kind, center, radius)
            return


def _draw_more(drawing: _Drawing, moving: bool) -> None:
    """Draw a structure or an implant, in a region that moves by itself or anywhere."""
    for _ in range(TRIES):
        kind = "structure" if drawing.rng.random() < STRUCTURES / LESIONS else "implant"
        center, radius = _spot(drawing, kind, 14.0)
        if _seen(drawing, center) and (not moving or drawing.exact.moved_mm(center[None])[0] >= HARD_MM):
            _add(drawing, kind, center, radius)
            return


def _draw_vanished(drawing: _Drawing, name: str) -> None:
    for _ in range(TRIES):
        center, radius = _spot(drawing, "implant", 20.0)
        if _seen(drawing, center):
            body = random_body(drawing.rng, center, radius, drawing.places.at(drawing.places.hu, center))
            drawing.before.append(body)
            if drawing.mix.decoys:
                like = _neighbour(drawing, body, radius * drawing.rng.uniform(0.8, 1.2), (12.0, 25.0))
                drawing.before.append(like)
                drawing.after.append(like)
            drawing.lesions.append(_true(drawing, name, "implant", "vanished", center, radius, radius))
            return


def _draw_outside(drawing: _Drawing) -> None:
    """Draw two structures that the follow-up does not cover, where there are any."""
    structures = drawing.places.structures_mm
    beyond = ~drawing.grid.contains(drawing.exact.followup_from_baseline(structures), 4.0)
    beyond &= drawing.baseline.contains(structures, -MARGIN_MM)
    for n, center in enumerate(drawing.rng.permutation(structures[beyond])[:2]):
        radius = _structure_radius(drawing, center, 20.0)
        drawing.lesions.append(_true(drawing, f"outside_{n + 1}", "structure", "outside", center, radius, radius))


def _spot(drawing: _Drawing, kind: str, most_mm: float) -> tuple[PointMm, float]:
    """Draw a place and a radius that fit each other and the lesions that are there."""
    places, rng = drawing.places, drawing.rng
    for _ in range(TRIES):
        if kind == "structure":
            center = places.structure(rng)
            radius = _structure_radius(drawing, center, most_mm)
        else:
            center = places.room(rng)
            room = min(1.6 * places.at(places.room_mm, center), places.at(places.depth_mm, center))
            radius = max(3.0, random_radius(rng, min(most_mm, max(room, 4.0))))
        if drawing.baseline.contains(center[None], -MARGIN_MM)[0] and _apart(drawing, center, radius):
            return center, radius
    raise ValueError("the study has no room for another lesion")


def _structure_radius(drawing: _Drawing, center: PointMm, most_mm: float) -> float:
    depth = drawing.places.at(drawing.places.depth_mm, center)
    return max(3.0, random_radius(drawing.rng, min(most_mm, max(depth, 4.0))))


def _apart(drawing: _Drawing, center: PointMm, radius: float) -> bool:
    return all(
        np.linalg.norm(center - other.baseline_mm) > max(22.0, radius + other.radius_mm + 10)
        for other in drawing.lesions
    )


def _seen(drawing: _Drawing, center: PointMm) -> bool:
    return bool(drawing.grid.contains(drawing.exact.followup_from_baseline(center[None]), -MARGIN_MM)[0])


def _true(
    drawing: _Drawing, name: str, kind: str, change: str, center: PointMm, radius: float, later_mm: float
) -> TrueLesion:
    followup = drawing.exact.followup_from_baseline(center[None])[0]
    moved = float(drawing.exact.moved_mm(center[None])[0])
    return TrueLesion(name, kind, change, triple(center), radius, triple(followup), later_mm, moved)


def _add(drawing: _Drawing, kind: str, center: PointMm, radius: float) -> None:
    """Add a lesion that the follow-up shows, with the bodies that belong to it."""
    name = f"lesion_{len(drawing.lesions) + 1}"
    if kind == "structure":
        drawing.lesions.append(_true(drawing, name, kind, "same", center, radius, radius))
        return
    rng = drawing.rng
    change = str(rng.choice(drawing.mix.changes))
    radius = min(radius, MOST_MM.get(change, 25.0))
    around = drawing.places.at(drawing.places.hu, center)
    body = random_body(rng, center, radius, around)
    factor = {"grown": rng.uniform(1.7, 2.1), "shrunk": rng.uniform(0.45, 0.6)}.get(change, rng.uniform(0.85, 1.15))
    hu = around + (body.hu - around) * rng.uniform(0.3, 0.5) if change == "faded" else body.hu + rng.normal(0, 8)
    later = body.changed(radius_mm=radius * factor, hu=float(hu))
    drawing.before.append(body)
    drawing.after.append(later)
    drawing.lesions.append(_true(drawing, name, kind, change, center, radius, later.radius_mm))
    if change == "look-alikes":
        for _ in range(int(rng.integers(1, 3))):
            like = _neighbour(drawing, body, radius * rng.uniform(0.8, 1.2), (10.0, 20.0))
            drawing.before.append(like)
            drawing.after.append(like)
    elif change == "new neighbour":
        drawing.after.append(_neighbour(drawing, later, random_radius(rng, 9.0), (12.0, 24.0)))


def _neighbour(drawing: _Drawing, body: Body, radius: float, apart_mm: tuple[float, float]) -> Body:
    """Draw a body of much the same density beside another one, where it can without leaving the body's tissue."""
    rng, places = drawing.rng, drawing.places
    for _ in range(30):
        direction = rng.normal(size=3)
        distance = max(rng.uniform(*apart_mm), body.radius_mm + radius + 1.5)
        center = body.center_mm + direction / np.linalg.norm(direction) * distance
        if places.at(places.depth_mm, center) > radius and places.at(places.room_mm, center) > 0.5 * radius:
            break
    return random_body(rng, center, float(radius), 0.0).changed(hu=body.hu + float(rng.normal(0, 8)))
