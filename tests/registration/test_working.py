"""The working image: right values at the right LPS points, whatever the order of the axes."""

import itertools

import numpy as np
import pytest

from lesion_tracker.registration.working import EMPTY_HU, cubic_grid, sampled, working_image
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.registration.phantom import turned

ORIENTATIONS = [
    (axes, flips)
    for axes in itertools.permutations(range(3))
    for count in range(4)
    for flips in itertools.combinations(range(3), count)
]


def ramp() -> Volume:
    """Return a volume whose HU are a linear function of LPS, so that averages and interpolations are exact."""
    grid = Grid.from_parts((24, 20, 10), np.array([1.0, 1.5, 3.0]), np.array([-30.0, 12.0, 400.0]), np.eye(3))
    k, j, i = np.indices(grid.shape).reshape(3, -1)
    hu = linear(grid.lps_from_indices(np.stack([i, j, k], axis=1)))
    return Volume(hu.astype(np.float32).reshape(grid.shape), grid)


def linear(points: np.ndarray) -> np.ndarray:
    return 3.0 * points[:, 0] - 2.0 * points[:, 1] + 1.5 * points[:, 2] - 400.0


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS)
def test_every_orientation_gives_the_same_values_at_the_same_points(axes, flips):
    image = working_image(turned(ramp(), axes, flips), 4.0)
    k, j, i = (a[image.seen] for a in np.indices(image.hu.shape))
    inner = (np.stack([k, j, i], axis=1) > 0).all(axis=1)
    inner &= (np.stack([k, j, i], axis=1) < np.array(image.hu.shape) - 1).all(axis=1)
    points = image.grid.lps_from_indices(np.stack([i, j, k], axis=1)[inner])
    assert len(points) > 20
    np.testing.assert_allclose(image.hu[image.seen][inner], linear(points), atol=0.05)  # float32 sums


def test_an_oblique_volume_is_sampled_at_its_points():
    angle = np.radians(15.0)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    grid = Grid.from_parts((40, 40, 20), np.array([1.0, 1.5, 3.0]), np.array([-30.0, 12.0, 400.0]), turn)
    k, j, i = np.indices(grid.shape).reshape(3, -1)
    hu = linear(grid.lps_from_indices(np.stack([i, j, k], axis=1))).astype(np.float32).reshape(grid.shape)
    image = working_image(Volume(hu, grid), 4.0)
    assert 0.4 < image.seen.mean() < 0.95
    assert (image.hu[~image.seen] == EMPTY_HU).all()
    k, j, i = np.argwhere(image.seen).T
    points = image.grid.lps_from_indices(np.stack([i, j, k], axis=1))
    inner = grid.contains(points, margin_mm=-4.0)
    np.testing.assert_allclose(image.hu[k, j, i][inner], linear(points[inner]), atol=0.05)


def test_a_transform_takes_the_grid_to_the_volume():
    shift = np.eye(4)
    shift[:3, 3] = [5.0, -2.0, 100.0]
    wanted = cubic_grid(np.array([-20.0, 25.0, 305.0]), np.array([3, 3, 3]), 3.0)
    image = sampled(ramp(), wanted, shift)
    assert image.seen.all()
    k, j, i = np.indices(image.hu.shape).reshape(3, -1)
    points = wanted.lps_from_indices(np.stack([i, j, k], axis=1)) + np.array([5.0, -2.0, 100.0])
    np.testing.assert_allclose(image.hu.ravel(), linear(points), atol=0.05)


def test_a_grid_beside_the_volume_sees_nothing():
    image = sampled(ramp(), cubic_grid(np.full(3, 5000.0), np.array([4, 4, 4]), 4.0))
    assert not image.seen.any()
    assert (image.hu == EMPTY_HU).all()


def test_one_slice_is_enough():
    grid = Grid.from_parts((16, 16, 1), np.array([1.0, 1.0, 5.0]), np.zeros(3), np.eye(3))
    assert working_image(Volume(np.zeros((1, 16, 16), dtype=np.int16), grid), 4.0).hu.shape == (1, 5, 5)
