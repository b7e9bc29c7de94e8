"""Clicks of the viewers: voxel indices of the loaded volume, by the name of the lesion."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import InputError, PointOutsideError
from lesion_tracker.records.names import clean_name
from lesion_tracker.server.request_keys import NO_LESIONS
from lesion_tracker.volumes.grid import Grid

LARGEST_INDEX = 1e9
"""Beyond it there is no voxel, and whole numbers of Python no longer fit into those of NumPy."""

Index = Annotated[float, Field(strict=True, ge=-LARGEST_INDEX, le=LARGEST_INDEX, allow_inf_nan=False)]
CLICKS = TypeAdapter(Annotated[list[tuple[Index, Index, Index]], Field(min_length=1)])
"""What a client sends for a label: all of its clicks, the last one last."""


@dataclass(frozen=True)
class Click:
    """The last click that a reader made for one lesion.

    Args:
        lesion_id: the label that was clicked with.
        index: voxel (i, j, k) = (column, row, slice) of the loaded volume, in its own voxel order.
    """

    lesion_id: str
    index: tuple[float, float, float]


def clicks_of(params: Mapping[str, Any], options: Collection[str]) -> tuple[list[Click], list[str]]:
    """Read the clicks of a request, as a model of type deepedit gets them from Slicer and OHIF.

    The clients send every label with all of its clicks each time: the last one counts, and an empty list says
    nothing. `foreground` with `label` is read too.

    Args:
        params: the request's params.
        options: names of the task's options.

    Returns:
        The clicks, and the names of keys that are neither clicks nor known otherwise.

    Raises:
        InputError: for a click that is not three finite numbers, or clicks without a label.
    """
    named = {key: value for key, value in params.items() if key not in NO_LESIONS and key not in options}
    clicks = [_last_click(key, value) for key, value in named.items() if isinstance(value, list) and value]
    unknown = sorted(key for key, value in named.items() if not isinstance(value, list))
    if params.get("foreground"):
        label = params.get("label")
        if not isinstance(label, str) or not label:
            raise InputError(
                f"the click {params['foreground']!r} names no lesion: send it as {{'lesion_1': [[i, j, k]]}}"
            )
        clicks.append(_last_click(label, params["foreground"]))
    return clicks, unknown


def lps_from_click(click: Click, grid: Grid, study_id: str) -> PointMm:
    """Take a click to LPS mm.

    Raises:
        PointOutsideError: if the voxel is not one of the study.
    """
    size = np.array(grid.size)
    index = np.array(click.index)
    if (index < -0.5).any() or (index > size - 0.5).any():
        low, high = grid.bounds_mm()
        raise PointOutsideError(
            f"the click {_numbers(index)} of {click.lesion_id!r} is outside study {study_id!r}, which has voxels "
            f"(0, 0, 0) to {_numbers(size - 1)} (columns, rows, slices), LPS {_numbers(low)} to {_numbers(high)} mm. "
            "Was it made in another volume, or sent in mm?"
        )
    return grid.lps_from_indices(index[None])[0]


def _last_click(label: str, value: Any) -> Click:
    name = clean_name(label)
    try:
        return Click(name, CLICKS.validate_python(value)[-1])
    except ValidationError:
        raise InputError(
            f"the clicks of {label!r} must be voxel indices [[i, j, k], …], got {str(value)[:200]}"
        ) from None


def _numbers(values: Any) -> str:
    return "(" + ", ".join(f"{value:g}" for value in np.round(values, 1)) + ")"
