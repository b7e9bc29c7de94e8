"""The axes of an outline: its longest diameter in an axial slice, and the longest one square to that in the same slice."""

from dataclasses import dataclass
from itertools import pairwise

import contourpy
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial import ConvexHull, QhullError

from lesion_tracker.arrays import PointsMm
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

LEVEL = 0.5

Ring = Float[ndarray, "_ 3"]
"""A closed contour in one slice, LPS mm; its first point again at its end."""


@dataclass(frozen=True, eq=False)
class Axes:
    """Both diameters.

    Args:
        long_mm: (2, 3), end points of the long axis, LPS.
        short_mm: (2, 3), of the short one.
        slice_mm: LPS z of their slice.
    """

    long_mm: PointsMm
    short_mm: PointsMm
    slice_mm: float

    @property
    def long_axis_mm(self) -> float:
        """Length of the long axis."""
        return float(np.linalg.norm(np.diff(self.long_mm, axis=0)))

    @property
    def short_axis_mm(self) -> float:
        """Length of the short axis."""
        return float(np.linalg.norm(np.diff(self.short_mm, axis=0)))


def rings(cover: Volume) -> list[Ring]:
    """Return the outer 0.5 contours of all slices.

    Args:
        cover: in [0, 1], its axes along x, y and z. Beyond its border lies nothing.
    """
    return [ring for k, plane in enumerate(cover.hu) for ring in _rings_of(plane, k, cover.grid)]


def _rings_of(plane: ndarray, k: int, grid: Grid) -> list[Ring]:
    if plane.max() <= LEVEL:
        return []
    lines = map(np.asarray, contourpy.contour_generator(z=np.pad(plane, 1)).lines(LEVEL))
    size, origin, z = grid.spacing_mm[:2], grid.origin_mm[:2], grid.origin_mm[2] + k * grid.spacing_mm[2]
    return [np.column_stack([(line - 1) * size + origin, np.full(len(line), z)]) for line in lines if len(line) > 3]


def axes_of(outline: list[Ring]) -> Axes:
    """Return the axes of an outline.

    The long axis joins the two points of one ring that lie farthest apart. The short axis is the longest chord of that
    ring square to it.

    Raises:
        ValueError: for an outline without a ring.
    """
    longest, ends, chosen = -1.0, None, None
    for ring in outline:
        hull = _hull(ring)
        square = ((hull[:, None] - hull) ** 2).sum(axis=2)
        a, b = np.unravel_index(square.argmax(), square.shape)
        if square[a, b] > longest:
            longest, ends, chosen = square[a, b], hull[[a, b]], ring
    if ends is None or chosen is None:
        raise ValueError("an outline without a ring has no axes")
    return Axes(ends, _short_axis(chosen, ends), float(chosen[0, 2]))


def _hull(ring: Ring) -> Ring:
    try:
        return np.asarray(ring[ConvexHull(ring[:, :2]).vertices])
    except QhullError:  # all points on a line
        return ring


def _short_axis(ring: Ring, ends: PointsMm) -> PointsMm:
    """Return the ends of the longest chord square to the long axis that lies inside of the ring.

    The longest one passes through a point of the ring: its extent along a long axis is linear between such points.
    """
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    across = np.array([-along[1], along[0], 0.0])
    at, side = (ring - ends[0]) @ along, (ring - ends[0]) @ across
    best, chord = -1.0, (0.0, 0.0, 0.0)
    low, high = np.minimum(at[:-1], at[1:]), np.maximum(at[:-1], at[1:])
    for place in np.unique(at):
        crossed = np.flatnonzero((low <= place) & (place <= high) & (high > low))
        share = (place - at[crossed]) / (at[crossed + 1] - at[crossed])
        sides = np.sort(side[crossed] + share * (side[crossed + 1] - side[crossed]))
        for first, last in pairwise(sides):
            if last - first > best and _inside(ring, ends[0] + place * along + (first + last) / 2 * across):
                best, chord = last - first, (float(place), float(first), float(last))
    place, first, last = chord
    return np.asarray([ends[0] + place * along + one * across for one in (first, last)])


def _inside(ring: Ring, point: ndarray) -> bool:
    """Say whether a point lies inside a ring: a ray from it crosses the ring an odd number of times."""
    (x0, y0), (x1, y1) = ring[:-1, :2].T, ring[1:, :2].T
    crosses = (y0 > point[1]) != (y1 > point[1])
    x = x0[crosses] + (point[1] - y0[crosses]) / (y1[crosses] - y0[crosses]) * (x1[crosses] - x0[crosses])
    return bool((x > point[0]).sum() % 2)
