"""Draws a pair in which lesions vanish, appear, merge, split, or stay: bodies in the tissue of a study, and what they are."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.constructed.bodies import Body, random_body
from benchmarks.constructed.hard_pair import HardPair, HardScenario, Scanner
from benchmarks.constructed.hard_render import render
from benchmarks.constructed.hard_scenario import Mix, draw_scenario
from benchmarks.constructed.places import Places
from lesion_tracker.arrays import PointMm
from lesion_tracker.volumes.volume import Volume

COUNTS = {
    **{"merging": 2, "couple": 2, "splitting": 4},  # these need most room: they are placed first
    **{"vanished": 4, "new": 4, "ordinary": 4, "overlooked": 4},
}
"""Of each pair, as far as there is room. Couples stay apart; overlooked ones are in both scans, marked in the later alone."""
GAP_MM = 3.5
"""Least distance of the surfaces of two bodies that are not one; of bodies above each other 1.5 slices."""
OVERLAP = 1.25
"""Merged bodies reach so many times as far towards each other as they lie apart."""
VISIBLE_HU, VISIBLE_NOISE, MORE = 20.0, 2.0, 1.2
"""The least contrast of what can be seen, in HU and as a multiple of the noise, fixed before anything was measured; how much
more is aimed at, since what lies round a body is not of one density."""
MARGIN_MM, APART_MM, ROOM = 10.0, 8.0, 1.4
"""From the border of either scan; between lesions; how far bodies reach beyond the next border of tissue."""
TRIES = 600


@dataclass(frozen=True, eq=False)
class Fate:
    """A lesion, or two that belong together.

    Args:
        id: unique in its pair.
        kind: of COUNTS.
        before: bodies of the baseline, in baseline coordinates.
        after: bodies of the follow-up, in baseline coordinates.
    """

    id: str
    kind: str
    before: tuple[Body, ...]
    after: tuple[Body, ...]


def fates_pair(
    volume: Volume, places: Places, seed: int, number: int, counts: dict[str, int]
) -> tuple[HardPair, list[Fate]]:
    """Construct one pair with its truth; the same study, seed and number always give the same.

    Deformation, scanners and noise are those of the benchmark of accuracy (`benchmarks.constructed.hard_scenario`).

    Args:
        volume: the study that the anatomy comes from.
        places: of the study.
        seed: of the whole benchmark.
        number: of the pair.
        counts: how many of each kind of COUNTS.
    """
    rng = np.random.default_rng([seed, number])
    base = draw_scenario(volume, places, number, rng, Mix())
    fates: list[Fate] = []
    taken: list[tuple[PointMm, float]] = []
    for kind, count in counts.items():
        for n in range(count):
            drawn = _placed(volume, places, base, kind, taken, rng)
            if drawn is not None:
                fates.append(Fate(f"{kind}_{n + 1}", kind, *drawn))
    before, after = (tuple(body for one in fates for body in getattr(one, when)) for when in ("before", "after"))
    return render(volume, replace(base, before=before, after=after, lesions=())), fates


def _placed(
    volume: Volume,
    places: Places,
    base: HardScenario,
    kind: str,
    taken: list[tuple[PointMm, float]],
    rng: np.random.Generator,
) -> tuple[tuple[Body, ...], tuple[Body, ...]] | None:
    """Return the bodies of a lesion where there is room for them; None where there is none."""
    scanner = base.scanner
    for _ in range(TRIES):
        center = places.room(rng)
        room_mm = min(ROOM * places.at(places.room_mm, center), places.at(places.depth_mm, center))
        before, after = MAKE[kind](
            Site(center, places.at(places.hu, center), _least_hu(scanner, kind), scanner.slice_mm), rng
        )
        reach = max(float(np.linalg.norm(one.center_mm - center)) + one.radius_mm for one in (*before, *after))
        seen = volume.grid.contains(center[None], -MARGIN_MM)[0]
        seen &= base.grid.contains(base.exact.followup_from_baseline(center[None]), -MARGIN_MM)[0]
        free = all(np.linalg.norm(center - other) > reach + its + APART_MM for other, its in taken)
        if reach <= room_mm and seen and free:
            taken.append((center, reach))
            return before, after
    return None


def _least_hu(scanner: Scanner, kind: str) -> float:
    """Return the least contrast with which a body of a kind is drawn: it can be seen in the scans that have it."""
    noise_hu = {"vanished": scanner.noise_hu[0], "new": scanner.noise_hu[1]}.get(kind, max(scanner.noise_hu))
    return MORE * max(VISIBLE_HU, VISIBLE_NOISE * noise_hu)


@dataclass(frozen=True, eq=False)
class Site:
    """Where bodies are drawn.

    Args:
        center_mm: in baseline coordinates.
        around_hu: there.
        least_hu: contrast that they should have, as far as bodies can.
        slice_mm: of the follow-up.
    """

    center_mm: PointMm
    around_hu: float
    least_hu: float
    slice_mm: float

    def body(self, radius_mm: float, rng: np.random.Generator) -> Body:
        """Draw one in the middle."""
        for _ in range(12):
            body = random_body(rng, self.center_mm, radius_mm, self.around_hu)
            if abs(body.hu - self.around_hu) >= self.least_hu:
                break
        return body


Made = tuple[tuple[Body, ...], tuple[Body, ...]]


def _alone(site: Site, rng: np.random.Generator) -> Made:
    body = site.body(float(rng.uniform(4.0, 12.0)), rng)
    changed = body.changed(radius_mm=body.radius_mm * rng.uniform(0.6, 1.6), hu=body.hu + rng.normal(0, 8))
    return (body,), (changed,)


def _gone(site: Site, rng: np.random.Generator) -> Made:
    return _alone(site, rng)[0], ()


def _appeared(site: Site, rng: np.random.Generator) -> Made:
    return (), _gone(site, rng)[0]


def _couple(site: Site, rng: np.random.Generator) -> Made:
    """Two bodies, apart in both scans."""
    along = _direction(rng)
    least = gap_mm(along, site.slice_mm)
    one, other, distance = _two(site, along, least + float(rng.uniform(0.0, 5.0)), rng)
    most = (distance - least) / (reach_mm(one, along) + reach_mm(other, -along))
    factor = float(rng.uniform(min(0.8, most), most))
    return (one, other), tuple(body.changed(radius_mm=body.radius_mm * factor) for body in (one, other))


def _merging(site: Site, rng: np.random.Generator) -> Made:
    """Two bodies that grow into one."""
    along = _direction(rng)
    one, other, distance = _two(site, along, gap_mm(along, site.slice_mm) + float(rng.uniform(0.0, 3.0)), rng)
    factor = OVERLAP * distance / (reach_mm(one, along) + reach_mm(other, -along)) * float(rng.uniform(1.0, 1.2))
    return (one, other), tuple(body.changed(radius_mm=body.radius_mm * factor) for body in (one, other))


def _splitting(site: Site, rng: np.random.Generator) -> Made:
    """A body of which two parts are left at the ends of its longest axis."""
    body = site.body(float(rng.uniform(9.0, 16.0)), rng)
    along = body.frame[0]
    ends = reach_mm(body, along), reach_mm(body, -along)
    least = gap_mm(along, site.slice_mm)
    parts = [site.body(float(rng.uniform(0.4, 0.6)) * body.radius_mm, rng).changed(hu=body.hu) for _ in range(2)]
    inner = reach_mm(parts[0], -along) + reach_mm(parts[1], along)  # towards each other
    outer = reach_mm(parts[0], along) + reach_mm(parts[1], -along)
    factor = min(1.0, max(0.3, (sum(ends) - least) / (inner + outer)))
    parts = [part.changed(radius_mm=part.radius_mm * factor) for part in parts]
    places = (ends[0] - reach_mm(parts[0], along)) * along, -(ends[1] - reach_mm(parts[1], -along)) * along
    return (body,), tuple(
        part.changed(center_mm=site.center_mm + place) for part, place in zip(parts, places, strict=True)
    )


MAKE: dict[str, Callable[[Site, np.random.Generator], Made]] = {
    **{"merging": _merging, "couple": _couple, "splitting": _splitting},
    **{"vanished": _gone, "new": _appeared, "ordinary": _alone, "overlooked": _alone},
}
"""Bodies round a site, in both scans."""


def _two(site: Site, along: PointMm, gap: float, rng: np.random.Generator) -> tuple[Body, Body, float]:
    """Return two bodies of one density with a gap between them, mm, and the distance of their centres."""
    one = site.body(float(rng.uniform(4.0, 8.0)), rng)
    other = site.body(float(rng.uniform(4.0, 8.0)), rng).changed(hu=one.hu + rng.normal(0, 5))
    distance = reach_mm(one, along) + gap + reach_mm(other, -along)
    return (
        one.changed(center_mm=site.center_mm - distance / 2 * along),
        other.changed(center_mm=site.center_mm + distance / 2 * along),
        distance,
    )


def reach_mm(body: Body, along: PointMm) -> float:
    """Return how far a body reaches from its centre in a direction of unit length, mm."""
    steps = np.arange(0.0, 1.7 * body.radius_mm, 0.1)
    cover, _ = body.cover(body.center_mm + steps[:, None] * along)
    return float(steps[np.flatnonzero(cover >= 0.5)].max(initial=0.0))


def gap_mm(along: PointMm, slice_mm: float) -> float:
    """Return the least gap of two bodies that lie in a direction from each other: a scan shows it."""
    return max(GAP_MM, 1.5 * slice_mm * abs(float(along[2])))


def _direction(rng: np.random.Generator) -> PointMm:
    along = rng.normal(size=3)
    return np.asarray(along / np.linalg.norm(along))
