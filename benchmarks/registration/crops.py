"""Studies as a smaller field of view would have shown them: halves, targeted reconstructions, round fields."""

from collections.abc import Iterator

import numpy as np

from benchmarks.registration.draws import Draw
from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.registration.views import view_of
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

FAR_MM = 1e5
FIELD_MM = 220.0
EDGE_MM = 8.0
"""Points nearer to the edge of either field are not counted."""

MOST_POINTS = 200


def box(volume: Volume, low_mm: PointMm, high_mm: PointMm) -> Volume:
    """Return the voxels whose centres lie in a box along the axes of the volume, which run along LPS."""
    index = volume.grid.indices_from_lps(np.array([low_mm, high_mm], dtype=np.float64))
    last = np.array(volume.grid.size) - 1
    first = np.clip(np.ceil(index.min(axis=0) - 1e-6).astype(int), 0, last)
    last = np.clip(np.floor(index.max(axis=0) + 1e-6).astype(int), first, last)
    matrix = np.array(volume.grid.lps_from_index)
    matrix[:3, 3] = volume.grid.lps_from_indices(first[None].astype(np.float64))[0]
    x, y, z = (slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    size = last - first + 1
    return Volume(np.ascontiguousarray(volume.hu[z, y, x]), Grid((int(size[0]), int(size[1]), int(size[2])), matrix))


def right_of(volume: Volume, x_mm: float) -> Volume:
    """Return the patient's right of a sagittal plane."""
    return box(volume, np.full(3, -FAR_MM), np.array([x_mm, FAR_MM, FAR_MM]))


def left_of(volume: Volume, x_mm: float) -> Volume:
    """Return the patient's left of a sagittal plane."""
    return box(volume, np.array([x_mm, -FAR_MM, -FAR_MM]), np.full(3, FAR_MM))


def field_round(volume: Volume, center_mm: PointMm, width_mm: float = FIELD_MM) -> Volume:
    """Return a targeted reconstruction: a square of a width round a place, in all slices."""
    reach = np.array([width_mm / 2, width_mm / 2, FAR_MM])
    return box(volume, center_mm - reach, center_mm + reach)


def circle_of(volume: Volume, center_mm: PointMm, width_mm: float, filling: int) -> Volume:
    """Return a volume with a value filled in outside a circle round a place, in all slices."""
    hu = np.array(volume.hu)
    place = volume.grid.indices_from_lps(center_mm[None])[0]
    y, x = np.ogrid[: hu.shape[1], : hu.shape[2]]
    spacing = volume.grid.spacing_mm
    hu[:, np.hypot((x - place[0]) * spacing[0], (y - place[1]) * spacing[1]) > width_mm / 2] = filling
    return Volume(hu, volume.grid)


def cropped(draw: Draw, rng: np.random.Generator) -> Iterator[tuple[str, Draw]]:
    """Yield the pair with smaller fields of view: both small, large then small, small then large; no points, no pair.

    Args:
        draw: a pair whose `inside` points are known in both studies.
        rng: draws the place of the 220 mm field, and which points are counted where there are many.
    """
    points, truth = draw.inside, draw.truth(draw.inside)
    middle = _middle(draw.baseline)
    near = np.argsort(np.abs(points[:, 0] - middle))[:20]
    moved = middle + float(np.median(truth[near, 0] - points[near, 0]))
    place = int(rng.integers(len(points)))
    small = {
        "right half": (right_of(draw.baseline, middle), right_of(draw.followup, moved)),
        "left half": (left_of(draw.baseline, middle), left_of(draw.followup, moved)),
        f"{FIELD_MM:.0f} mm field": (
            field_round(draw.baseline, points[place]),
            field_round(draw.followup, truth[place]),
        ),
    }
    for name, (before, after) in small.items():
        inside = before.grid.contains(points, -EDGE_MM) & after.grid.contains(truth, -EDGE_MM)
        chosen = rng.permutation(np.flatnonzero(inside))[:MOST_POINTS]
        if len(chosen) == 0:
            continue
        for kind, pair in {
            "both": (before, after),
            "large then small": (draw.baseline, after),
            "small then large": (before, draw.followup),
        }.items():
            yield f"{name}, {kind}", _at(f"{draw.name} {name}, {kind}", *pair, points[chosen], truth[chosen])


def _at(name: str, baseline: Volume, followup: Volume, points: PointsMm, truth: PointsMm) -> Draw:
    """Return a pair whose truth is known at these points only."""

    def there(asked: PointsMm) -> PointsMm:
        if not np.array_equal(asked, points):
            raise ValueError(f"the truth of {name} is known at its {len(points)} points only")
        return truth

    def back(asked: PointsMm) -> PointsMm:
        raise ValueError(f"the way back of {name} is not known")

    return Draw(name, baseline, followup, there, back, points, points[:0])


def _middle(volume: Volume) -> float:
    """Return the x (LPS mm) of the middle of the body."""
    view = view_of(volume)
    x = np.flatnonzero(view.body.any(axis=(0, 1)))
    return float(view.image.origin_mm[0] + (x[0] + x[-1]) / 2 * view.image.spacing_mm)
