"""Slabs of one slice, repeated: what is left of a study in the paper's benchmark of key slices."""

from collections.abc import Callable

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SLICES, SLICE_MM = 9, 5.0
STEP_HU = 16.0
"""An 8-bit picture of all values from -1024 to 3071 has steps of this size."""

NOISE_HU = 30.0


def slab_at(volume: Volume, place_mm: PointMm, beside: int = 0) -> tuple[Volume, PointMm]:
    """Return the slice nearest to a place, repeated, and the place in its middle.

    Args:
        volume: its third index runs along z.
        place_mm: LPS of the volume.
        beside: take the slice so many further.
    """
    index = volume.grid.indices_from_lps(np.asarray(place_mm, dtype=np.float64)[None])[0]
    number = int(np.clip(round(float(index[2])) + beside, 0, volume.grid.size[2] - 1))
    matrix = np.array(volume.grid.lps_from_index)
    direction = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    middle = volume.grid.lps_from_indices(np.array([[index[0], index[1], float(number)]]))[0]
    first = volume.grid.lps_from_indices(np.array([[0.0, 0.0, float(number)]]))[0]
    matrix[:3, 2] = direction * SLICE_MM
    matrix[:3, 3] = first - direction * SLICE_MM * (SLICES - 1) / 2
    x, y, _ = volume.grid.size
    return Volume(np.repeat(volume.hu[number : number + 1], SLICES, axis=0), Grid((x, y, SLICES), matrix)), middle


def stepped(volume: Volume, rng: np.random.Generator) -> Volume:
    """Return a volume in the steps of 8 bits."""
    hu = np.round((volume.hu + 1024.0) / STEP_HU) * STEP_HU - 1024.0
    return Volume(hu.astype(np.int16), volume.grid)


def noisy(volume: Volume, rng: np.random.Generator) -> Volume:
    """Return a volume with white noise."""
    hu = volume.hu + rng.normal(0.0, NOISE_HU, volume.hu.shape)
    return Volume(np.clip(np.round(hu), -1024, 3071).astype(np.int16), volume.grid)


def as_it_is(volume: Volume, rng: np.random.Generator) -> Volume:
    """Return the volume."""
    return volume


KINDS: tuple[tuple[str, Callable[[Volume, np.random.Generator], Volume], int], ...] = (
    ("as it is", as_it_is, 0),
    ("8-bit steps", stepped, 0),
    ("noise", noisy, 0),
    ("the slice beside", as_it_is, 1),
)
"""Name, what is done to both slabs, and how many slices the later one lies beside the right one."""
