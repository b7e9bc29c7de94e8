"""The point map: both ways, at its edges, and through bytes."""

import numpy as np
import pytest

from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.volumes.grid import Grid

MATRIX = np.array([[1.02, 0.05, 0.0, 12.0], [-0.05, 0.98, 0.02, -7.0], [0.0, -0.01, 1.0, 250.0], [0.0, 0.0, 0.0, 1.0]])


def waves(amplitude_mm: float = 8.0) -> Displacement:
    grid = Grid.from_parts((31, 26, 21), np.array([4.0, 4.0, 4.0]), np.array([-60.0, -50.0, 100.0]), np.eye(3))
    z, y, x = np.indices(grid.shape) * 4.0
    shift = amplitude_mm * np.stack([np.sin(y / 25), np.sin(z / 30), np.cos(x / 28)], axis=-1)
    return Displacement(grid, shift.astype(np.float32))


def points_in(displacement: Displacement, count: int = 300) -> np.ndarray:
    low, high = displacement.grid.bounds_mm()
    return np.random.default_rng(3).uniform(low + 12, high - 12, (count, 3))


def test_applies_the_displacement_before_the_matrix():
    grid = Grid.from_parts((2, 2, 2), np.full(3, 10.0), np.zeros(3), np.eye(3))
    shift = np.zeros((2, 2, 2, 3), dtype=np.float32)
    shift[..., 0] = 3.0
    scale = np.diag([2.0, 2.0, 2.0, 1.0])
    there = FollowupFromBaseline("deformable", scale, Displacement(grid, shift))
    np.testing.assert_allclose(there(np.array([[1.0, 2.0, 3.0]])), [[2 * (1 + 3), 4.0, 6.0]])


def test_interpolates_between_nodes_in_order_x_y_z():
    grid = Grid.from_parts((2, 3, 4), np.array([10.0, 10.0, 10.0]), np.array([5.0, 0.0, -5.0]), np.eye(3))
    z, y, x = np.indices(grid.shape)
    shift = np.stack([x, 2 * y, 3 * z], axis=-1).astype(np.float32)
    found = Displacement(grid, shift)(np.array([[10.0, 15.0, 20.0]]))  # index (0.5, 1.5, 2.5)
    np.testing.assert_allclose(found, [[0.5, 3.0, 7.5]])


def test_stays_constant_beyond_its_grid():
    field = waves()
    low, _ = field.grid.bounds_mm()
    np.testing.assert_allclose(field(low[None] - 50.0), field(low[None]))


@pytest.mark.parametrize("amplitude_mm", [0.0, 5.0, 20.0])
def test_inverse_returns_within_a_hundredth(amplitude_mm):
    field = waves(amplitude_mm)
    there = FollowupFromBaseline("deformable", MATRIX, field)
    points = points_in(field)
    assert np.linalg.norm(there.inverse(there(points)) - points, axis=1).max() < 0.02  # 0.01 mm asked, scaled by 1/0.9


def test_inverse_where_the_fixed_point_diverges():
    grid = Grid.from_parts((21, 5, 5), np.full(3, 4.0), np.zeros(3), np.eye(3))
    shift = np.zeros((5, 5, 21, 3), dtype=np.float32)
    shift[..., 0] = 1.6 * np.maximum(np.arange(21) * 4.0 - 40.0, 0.0)  # stretches by 2.6 on one side: |slope| > 1
    there = FollowupFromBaseline("deformable", np.eye(4), Displacement(grid, shift))
    points = np.stack([np.linspace(5, 75, 50), np.full(50, 8.0), np.full(50, 8.0)], axis=1)
    assert np.linalg.norm(there.inverse(there(points)) - points, axis=1).max() < 0.02


def test_inverse_of_a_folding_field_ends_and_is_finite():
    grid = Grid.from_parts((21, 5, 5), np.full(3, 4.0), np.zeros(3), np.eye(3))
    shift = np.zeros((5, 5, 21, 3), dtype=np.float32)
    shift[..., 0] = 25.0 * (-1.0) ** np.arange(21)
    there = FollowupFromBaseline("deformable", np.eye(4), Displacement(grid, shift))
    assert np.isfinite(there.inverse(np.random.default_rng(1).uniform(0, 80, (50, 3)))).all()


def test_no_points_are_no_error():
    there = FollowupFromBaseline("deformable", MATRIX, waves())
    assert there(np.zeros((0, 3))).shape == (0, 3)
    assert there.inverse(np.zeros((0, 3))).shape == (0, 3)


def test_radius_scale_is_the_cube_root_of_the_determinant():
    assert FollowupFromBaseline("affine", np.diag([1.0, 2.0, 4.0, 1.0])).radius_scale == pytest.approx(2.0)


@pytest.mark.parametrize(
    "matrix", [np.diag([1.0, 1.0, 0.0, 1.0]), np.diag([-1.0, 1.0, 1.0, 1.0]), np.diag([np.nan, 1.0, 1.0, 1.0])]
)
def test_refuses_a_matrix_that_maps_no_body_onto_a_body(matrix):
    with pytest.raises(ValueError, match="matrix"):
        FollowupFromBaseline("affine", matrix)


def test_refuses_a_field_that_does_not_fit_or_is_not_finite():
    grid = Grid.from_parts((3, 4, 5), np.ones(3), np.zeros(3), np.eye(3))
    with pytest.raises(ValueError, match="shape"):
        Displacement(grid, np.zeros((3, 4, 5, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="finite"):
        Displacement(grid, np.full((5, 4, 3, 3), np.nan, dtype=np.float32))
