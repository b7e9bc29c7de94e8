"""Axes that a reader draws in place of measured ones, and what stays of the measurement then."""

import math
from dataclasses import replace

import numpy as np

from lesion_tracker.records.json_record import Ends
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.volumes.grid import Grid

MOVED = 0.1
"""An outline still belongs to axes of which no end was moved farther than this share of the long axis."""
SHORTEST_MM = 0.5
ONE_SLICE_MM = 0.01
AXIAL = 1 - 1e-4
"""Cosine from which on slices count as axial."""
BY_A_READER = "axes by a reader"


def in_a_slice(ends: Ends, grid: Grid) -> Ends:
    """Return the ends of an axis in the study's nearest slice: what was drawn lies on a picture, which may lie between two.

    Args:
        ends: LPS mm, at one height.
        grid: of the study; where its slices are not axial, the ends stay as they are.
    """
    axis = int(np.argmax(np.abs(grid.direction[2])))
    if abs(grid.direction[2, axis]) < AXIAL:
        return ends
    index = grid.indices_from_lps(np.array(ends[:1]))
    off = grid.lps_from_indices(np.where(np.arange(3) == axis, np.rint(index), index))[0, 2] - ends[0][2]
    (a, b, c), (d, e, f) = ends
    return (a, b, round(c + float(off), 3)), (d, e, round(f + float(off), 3))


def with_axes(measured: Measurement, first_mm: Ends, second_mm: Ends) -> Measurement:
    """Return a measurement with a reader's axes: the longer one is the long one, and the short one need not be square to it.

    Where an end lies far from its former place, outline, volume and mean HU are not kept: they were of something else.

    Args:
        measured: what was measured.
        first_mm: ends of an axis, LPS mm.
        second_mm: ends of the other, in the same axial slice.

    Raises:
        ValueError: for axes in different slices, or of no length.
    """
    lengths = math.dist(*first_mm), math.dist(*second_mm)
    if min(lengths) < SHORTEST_MM:
        raise ValueError(
            f"an axis has a length of {SHORTEST_MM} mm at least, got {lengths[0]:.2f} and {lengths[1]:.2f} mm"
        )
    heights = [end[2] for end in (*first_mm, *second_mm)]
    if max(heights) - min(heights) > ONE_SLICE_MM:
        raise ValueError(f"both axes lie in one axial slice, got z from {min(heights):.2f} to {max(heights):.2f} mm")
    (long_mm, long_ends), (short_mm, short_ends) = sorted(
        zip(lengths, (first_mm, second_mm), strict=True), key=lambda axis: -axis[0]
    )
    moved = [_moved(long_ends, measured.long_ends_mm), _moved(short_ends, measured.short_ends_mm)]
    belongs = max(moved) <= MOVED * measured.long_axis_mm
    drawn = replace(
        measured,
        long_axis_mm=round(long_mm, 3),
        short_axis_mm=round(short_mm, 3),
        long_ends_mm=long_ends,
        short_ends_mm=short_ends,
        key_slice=round(heights[0], 3),
        check="",
    )
    if belongs:
        return replace(drawn, method=f"{measured.method}; {BY_A_READER}")
    middle = tuple((a + b) / 2 for a, b in zip(*long_ends, strict=True))
    bare = {"volume_ml": None, "mean_hu": None, "outline": (), "version": ""}
    return replace(drawn, center_mm=middle, method=BY_A_READER, **bare)  # type: ignore[arg-type] # mypy takes all for one type


def _moved(now: Ends, before: Ends) -> float:
    """Return how far the ends of an axis lie from their former places, whichever way round it was drawn, mm."""
    (a, b), (c, d) = now, before
    return min(max(math.dist(a, c), math.dist(b, d)), max(math.dist(a, d), math.dist(b, c)))
