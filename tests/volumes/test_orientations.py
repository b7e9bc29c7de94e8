"""All 48 axis orientations and three oblique ones: index and LPS, files and back, resampling."""

import numpy as np
import pytest

from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.volumes.made import AXIS_FRAMES, DIRECTIONS, NAMES, ORIGIN, SIZE, SPACING, grid_along, noise, write_series

ALL = pytest.mark.parametrize("direction", DIRECTIONS, ids=NAMES)


def test_there_are_48_different_axis_frames():
    assert len({direction.tobytes() for direction in DIRECTIONS[:48]}) == 48


@pytest.mark.parametrize("frame", AXIS_FRAMES, ids=NAMES[:48])
def test_index_and_lps_by_hand(frame):
    grid = grid_along(DIRECTIONS[AXIS_FRAMES.index(frame)])
    index = (1.0, 2.5, 3.0)
    expected = list(ORIGIN)
    for index_axis, (lps_axis, sign) in enumerate(frame):
        expected[lps_axis] += sign * SPACING[index_axis] * index[index_axis]
    assert grid.lps_from_indices(np.array([index]))[0] == pytest.approx(expected, abs=1e-9)
    assert grid.indices_from_lps(np.array([expected]))[0] == pytest.approx(index, abs=1e-9)


def test_index_to_lps_of_one_oblique_grid_by_hand():
    """5 degrees about x: i stays along x; j turns from y towards z, k from z towards -y."""
    grid = grid_along(DIRECTIONS[48])
    cos5, sin5 = 0.9961946981, 0.0871557427
    expected = (ORIGIN[0] + 0.7, ORIGIN[1] + 2.6 * cos5 - 8.7 * sin5, ORIGIN[2] + 2.6 * sin5 + 8.7 * cos5)
    assert grid.lps_from_indices(np.array([[1.0, 2.0, 3.0]]))[0] == pytest.approx(expected, abs=1e-8)


@ALL
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
def test_a_file_reads_back_as_it_was_written(direction, suffix, tmp_path):
    volume = noise(grid_along(direction))
    write_volume(volume, tmp_path / f"v{suffix}")
    again = read_volume(tmp_path / f"v{suffix}")
    assert again.hu.dtype == np.int16
    assert np.array_equal(again.hu, volume.hu)
    assert again.grid.equals(volume.grid, tolerance_mm=1e-3)  # NIfTI keeps float32: 6e-5 mm at 800 mm
    assert again.warnings == ()


@ALL
def test_a_dicom_series_reads_back_at_the_same_places(direction, tmp_path):
    volume = noise(grid_along(direction))
    write_series(volume, tmp_path / "series")
    again = read_volume(tmp_path / "series")
    assert np.linalg.det(again.grid.direction) > 0  # slices ascend along row x column
    if np.linalg.det(direction) > 0:
        assert again.grid.equals(volume.grid, tolerance_mm=1e-6)
    k, j, i = (axis.ravel() for axis in np.indices(volume.hu.shape))
    points = volume.grid.lps_from_indices(np.stack([i, j, k], axis=1).astype(float))
    index = again.grid.indices_from_lps(points)
    assert np.abs(index - np.rint(index)).max() < 1e-6
    i2, j2, k2 = np.rint(index).astype(int).T
    assert np.array_equal(again.hu[k2, j2, i2], volume.hu[k, j, i])
    assert again.hu.dtype == np.int16
    assert again.warnings == ()


def _ramp(points):
    """HU that grow evenly in a skew direction: linear interpolation is exact on them."""
    return points @ np.array([3.0, -5.0, 2.0]) + 1700


def _ramp_volume(direction, size):
    centre = np.array([11.0, -23.0, 405.0])
    origin = centre - direction @ (np.array(SPACING) * (np.array(size) - 1) / 2)
    grid = grid_along(direction, size, SPACING, origin)
    k, j, i = (axis.ravel() for axis in np.indices(grid.shape))
    points = grid.lps_from_indices(np.stack([i, j, k], axis=1).astype(float))
    return Volume(_ramp(points).astype(np.float32).reshape(grid.shape), grid), points


@pytest.mark.parametrize("number", range(len(DIRECTIONS)), ids=NAMES)
def test_resampling_keeps_every_place(number):
    """From each frame to another one: inside, the ramp is met; well outside, there is air."""
    volume, _ = _ramp_volume(DIRECTIONS[number], (16, 13, 9))
    other = DIRECTIONS[(number * 7 + 5) % len(DIRECTIONS)]
    wanted, points = _ramp_volume(other, (12, 17, 10))
    got = resample(volume, wanted.grid).hu.reshape(-1)
    index = volume.grid.indices_from_lps(points)
    last = np.array(volume.grid.size) - 1
    inside = ((index >= 0) & (index <= last)).all(axis=1)
    outside = ((index <= -1) | (index >= last + 1)).any(axis=1)
    assert inside.sum() > 100
    assert outside.sum() > 100
    assert np.abs(got[inside] - _ramp(points[inside])).max() < 0.05  # float32 of indices times 5 HU/mm
    assert (got[outside] == -1024).all()


@ALL
def test_resampling_on_the_own_grid_changes_nothing(direction):
    volume = noise(grid_along(direction, SIZE))
    assert np.abs(resample(volume, volume.grid).hu - volume.hu).max() < 0.05  # float32 indices on steps of 1000 HU
