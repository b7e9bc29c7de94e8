"""Small volumes in every orientation, and DICOM series made of them."""

import itertools
import math
from pathlib import Path

import numpy as np
import pydicom

from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SPACING = (0.7, 1.3, 2.9)
ORIGIN = (-31.25, 47.5, -803.75)
SIZE = (6, 5, 4)

AXIS_FRAMES = [
    tuple(zip(axes, signs, strict=True))
    for axes in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]
"""48 frames; each says for i, j, k along which LPS axis it runs (0, 1, 2) and in which sense."""


def _matrix(frame):
    direction = np.zeros((3, 3))
    for index_axis, (lps_axis, sign) in enumerate(frame):
        direction[lps_axis, index_axis] = sign
    return direction


def _rotation(axis, degrees):
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + s * cross + (1 - c) * cross @ cross


OBLIQUE = [_rotation((1, 0, 0), 5), _rotation((0.2, 1, 0.3), 12), _rotation((1, -1, 0.5), 20)]
DIRECTIONS = [_matrix(frame) for frame in AXIS_FRAMES] + OBLIQUE
NAMES = ["".join(("LPS" if sign > 0 else "RAI")[axis] for axis, sign in frame) for frame in AXIS_FRAMES]
NAMES += ["oblique5", "oblique12", "oblique20"]


def grid_along(direction, size=SIZE, spacing=SPACING, origin=ORIGIN):
    return Grid.from_parts(size, np.array(spacing), np.array(origin), direction)


def noise(grid, seed=0):
    """A volume whose voxels all differ from their neighbours, with plausible HU."""
    values = np.random.default_rng(seed).permutation(int(np.prod(grid.size))) * 9 - 1000
    return Volume(values.astype(np.int16).reshape(grid.shape), grid)


def plain(size=SIZE, spacing=SPACING):
    return noise(grid_along(np.eye(3), size, spacing))


def write_series(volume, folder: Path, name="a", **changes):
    """Write a DICOM series and then overwrite tags in every file (None removes the tag)."""
    files = write_dicom_series(
        volume, folder, patient_id="P1", study_uid=uid_of(name, "study"), series_uid=uid_of(name), study_date="20240131"
    )
    for path in files:
        edit(path, **changes)
    return files


def edit(path: Path, **changes):
    if changes:
        dataset = pydicom.dcmread(path)
        for keyword, value in changes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(path)
