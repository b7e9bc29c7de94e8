"""A point must lie inside the study that it is given for; a refusal names the cause that would really put it there."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import PointOutsideError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.volumes.grid import Grid

ORDERS = {"z, y, x": [2, 1, 0], "y, x, z": [1, 0, 2], "x, z, y": [0, 2, 1], "y, z, x": [1, 2, 0], "z, x, y": [2, 0, 1]}
"""How three coordinates may stand other than as x, y, z; the order of arrays first."""


def is_inside(lesion: Lesion, grid: Grid) -> bool:
    """Say whether a lesion's centre lies inside a study's grid."""
    return _holds(grid, np.array(lesion.center_mm))


def require_inside(lesions: Sequence[Lesion], grid: Grid, study_id: str) -> None:
    """Refuse centres outside a study.

    Raises:
        PointOutsideError: naming the first one, the study's extent and the causes that would put it inside.
    """
    for lesion in lesions:
        if not is_inside(lesion, grid):
            place = outside_text(np.array(lesion.center_mm), grid, f"study {study_id!r}")
            raise PointOutsideError(f"{lesion.id!r} at {place}")


def outside_text(point_mm: PointMm, grid: Grid, study: str) -> str:
    """Return where a point lies, what a study spans, and each mistake that would put the point inside, as a question.

    Args:
        point_mm: LPS mm, outside the grid.
        grid: the study's.
        study: what to call it.
    """
    low, high = grid.bounds_mm()
    spans = f"{_mm(point_mm)} is outside {study}, which spans {_mm(low)} to {_mm(high)} (LPS mm)."
    return " ".join([spans, *_causes(point_mm, grid)])


def _causes(point: PointMm, grid: Grid) -> Iterator[str]:
    if _holds(grid, point * [-1.0, -1.0, 1.0]):
        yield "Slicer points are RAS: were x and y negated?"
    if _holds(grid, grid.lps_from_indices(point[None])[0]):
        yield "Are these voxel indices? Points are in mm."
    order = next((order for order, axes in ORDERS.items() if _holds(grid, point[np.argsort(axes)])), None)
    if order is not None:
        yield f"Are these {order}? Points are x, y, z."


def _holds(grid: Grid, point: PointMm) -> bool:
    return bool(grid.contains(point[None])[0])


def _mm(values: Any) -> str:
    return "(" + ", ".join(f"{float(value):.1f}" for value in values) + ")"
