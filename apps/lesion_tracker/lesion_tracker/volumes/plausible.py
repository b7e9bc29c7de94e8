"""What a file must hold to be a CT of a body: three axes, one value a voxel, an extent in mm that a body has."""

from collections.abc import Sequence

import numpy as np

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.hounsfield import MAX_VOXELS

LARGEST_SIDE_MM = 2500.0
"""A table with a whole body on it is shorter."""

LARGEST_ACROSS_MM = 1000.0
"""The widest gantries are 90 cm; a volume that is wider in two directions is not refused, but said."""

SMALLEST_SIDE_MM = 4.0
"""A volume whose longest side is shorter holds no lesion that could be followed: its numbers are metres."""

FINEST_MM, SMALL_MM = 0.15, 100.0
"""Voxels finer than the first in two directions, in a volume below the second: no body's CT; perhaps centimetres."""


def refuse_no_volume(size: Sequence[int], components: int) -> None:
    """Refuse what is no volume of plain numbers.

    Args:
        size: voxels along all axes of the file.
        components: values a voxel.

    Raises:
        StudyError: with the sizes.
    """
    text = " x ".join(str(n) for n in size)
    if components != 1:
        raise StudyError(f"it has {components} values a voxel: a colour, vector or complex image is no CT")
    if len(size) < 3:
        raise StudyError(f"it is {len(size)}D ({text}): one slice or a picture; tracking needs a volume")
    if len(size) > 3:
        raise StudyError(f"it is {len(size)}D ({text}): a time series or several volumes in one file? Split it first")
    if min(size) < 2:
        raise StudyError(f"it has a single slice ({text}); tracking needs a volume of at least 2 slices on every axis")
    if size[0] * size[1] * size[2] > MAX_VOXELS:
        raise StudyError(f"it has {text} voxels, more than the {MAX_VOXELS} that are accepted")


def extent_warnings(grid: Grid, unit: str = "mm") -> tuple[str, ...]:
    """Say what is odd about the extent of a volume, before anybody computes with it.

    Args:
        grid: of the file; its lengths are in mm already.
        unit: of the lengths in its header.

    Raises:
        StudyError: for an extent that no body has, so that memory and minutes are not spent on it.
    """
    sides = np.array(grid.size) * grid.spacing_mm
    text = " x ".join(f"{side:.4g}" if side < 100 else f"{side:.0f}" for side in sides)
    said = "" if unit == "mm" else f" (its header says that its lengths are {unit})"
    if sides.max() > LARGEST_SIDE_MM:
        raise StudyError(f"it spans {text} mm{said}: no body is that large; is its unit wrong?")
    if sides.max() < SMALLEST_SIDE_MM:
        raise StudyError(f"it spans {text} mm{said}: no body is that small; is its unit wrong?")
    if (sides > LARGEST_ACROSS_MM).sum() > 1:
        return (f"it spans {text} mm{said}, more than a scanner sees: is its unit wrong?",)
    if sides.max() < SMALL_MM and (grid.spacing_mm < FINEST_MM).sum() > 1:
        return (f"it spans {text} mm{said}, less than a body: are its lengths centimetres?",)
    return ()
