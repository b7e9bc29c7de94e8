"""A point must lie inside the study that it is given for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lesion_tracker.errors import PointOutsideError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.volumes.grid import Grid


def is_inside(lesion: Lesion, grid: Grid) -> bool:
    """Say whether a lesion's centre lies inside a study's grid."""
    return bool(grid.contains(np.array([lesion.center_mm]))[0])


def require_inside(lesions: Sequence[Lesion], grid: Grid, study_id: str) -> None:
    """Refuse centres outside a study.

    Raises:
        PointOutsideError: naming the first one, the study's extent and the likely cause.
    """
    for lesion in lesions:
        if not is_inside(lesion, grid):
            low, high = grid.bounds_mm()
            raise PointOutsideError(
                f"{lesion.id!r} at {_mm(lesion.center_mm)} is outside study {study_id!r}, which spans {_mm(low)} to "
                f"{_mm(high)} (LPS mm). Slicer points are RAS: were x and y negated?"
            )


def _mm(values: Any) -> str:
    return "(" + ", ".join(f"{float(value):.1f}" for value in values) + ")"
