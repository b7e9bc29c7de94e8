"""The grid: what it refuses, and its questions about points."""

import numpy as np
import pytest

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.volumes.made import DIRECTIONS, NAMES, SIZE, SPACING, grid_along


def test_an_empty_size_is_refused():
    with pytest.raises(StudyError, match=r"three sizes of at least 1 voxel, got \(6, 0, 4\)"):
        Grid((6, 0, 4), np.eye(4))


def test_a_matrix_that_is_not_finite_is_refused():
    matrix = np.eye(4)
    matrix[0, 3] = np.nan
    with pytest.raises(StudyError, match="finite 4x4 matrix"):
        Grid(SIZE, matrix)


def test_a_spacing_of_zero_is_refused():
    with pytest.raises(StudyError, match=r"singular: the spacing is \[1.0, 0.0, 1.0\] mm"):
        Grid(SIZE, np.diag([1.0, 0.0, 1.0, 1.0]))


def test_shear_is_refused():
    matrix = np.eye(4)
    matrix[1, 2] = np.tan(np.radians(10))
    with pytest.raises(StudyError, match=r"cosine 0\.174 .*gantry tilt"):  # sin 10 degrees
        Grid(SIZE, matrix)


@pytest.mark.parametrize("direction", DIRECTIONS, ids=NAMES)
def test_parts_come_back(direction):
    grid = grid_along(direction)
    assert grid.spacing_mm == pytest.approx(SPACING)
    assert grid.direction == pytest.approx(direction)
    assert grid.shape == (4, 5, 6)


def test_points_inside_by_hand():
    """Faces lie half a voxel beyond the centres: at x -0.5 and 5.5 for 6 columns of 1 mm."""
    grid = Grid((6, 5, 4), np.eye(4))
    points = np.array([[-0.49, 0, 0], [-0.51, 0, 0], [5.49, 4.49, 3.49], [0, 0, 3.51]])
    assert grid.contains(points).tolist() == [True, False, True, False]
    assert grid.contains(points, margin_mm=0.1).tolist() == [True] * 4


def test_bounds_by_hand():
    grid = Grid((6, 5, 4), np.diag([-2.0, -3.0, 4.0, 1.0]))
    low, high = grid.bounds_mm()
    assert (low.tolist(), high.tolist()) == ([-10, -12, 0], [0, 0, 12])


def test_equal_grids():
    moved = np.eye(4)
    moved[0, 3] = 2e-3
    assert Grid(SIZE, np.eye(4)).equals(Grid(SIZE, np.eye(4)))
    assert not Grid(SIZE, np.eye(4)).equals(Grid(SIZE, moved))
    assert Grid(SIZE, np.eye(4)).equals(Grid(SIZE, moved), tolerance_mm=0.01)
    assert not Grid(SIZE, np.eye(4)).equals(Grid((6, 5, 3), np.eye(4)))


def test_a_volume_needs_an_array_of_its_grid():
    with pytest.raises(StudyError, match=r"shape \(6, 5, 4\), but its grid says \(4, 5, 6\)"):
        Volume(np.zeros((6, 5, 4), np.int16), grid_along(np.eye(3)))


def test_a_volume_cannot_be_written_to():
    volume = Volume(np.zeros((4, 5, 6), np.int16), grid_along(np.eye(3)))
    with pytest.raises(ValueError, match="read-only"):
        volume.hu[0, 0, 0] = 1
