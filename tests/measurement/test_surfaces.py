"""Closed surfaces against costs whose cheapest surface is known."""

import numpy as np
import pytest

from lesion_tracker.measurement.sphere import DIRECTIONS, at_offsets, smoothing, sphere
from lesion_tracker.measurement.surfaces import RADII, RADII_MM, closed_surfaces, mean_between


def _costs(wanted: np.ndarray, depth: float) -> np.ndarray:
    costs = np.zeros((1, DIRECTIONS, RADII), dtype=np.float32)
    costs[0, np.arange(DIRECTIONS), wanted] = -depth
    return costs


def test_every_edge_runs_back_and_ends_where_it_says() -> None:
    ball = sphere()
    assert np.array_equal(ball.source[ball.reverse], ball.target)
    assert np.linalg.norm(ball.directions, axis=1) == pytest.approx(1.0)
    for one in range(DIRECTIONS):
        incoming = ball.incoming[one][ball.incoming[one] < len(ball.source)]
        assert (ball.target[incoming] == one).all()
        assert 4 <= len(incoming) <= 8
    near = np.arccos((ball.directions[ball.source] * ball.directions[ball.target]).sum(axis=1))
    assert np.degrees(near).max() < 30


def test_without_a_slope_each_direction_takes_its_cheapest_radius() -> None:
    wanted = np.random.default_rng(0).integers(0, RADII, DIRECTIONS)
    assert np.array_equal(closed_surfaces(_costs(wanted, 1.0), 0.0, 8.0)[0], wanted)


def test_a_direction_that_sees_nothing_follows_its_neighbours() -> None:
    wanted = np.full(DIRECTIONS, 20)
    costs = _costs(wanted, 5.0)
    blind = np.array([3, 40, 41, 90])
    costs[0, blind] = 0.0
    assert np.array_equal(closed_surfaces(costs, 1.0, 8.0)[0], wanted)


def test_one_direction_that_leaks_is_held_back() -> None:
    wanted = np.full(DIRECTIONS, 20)
    wanted[64] = 45
    costs = _costs(wanted, 5.0)
    assert closed_surfaces(costs, 1.0, 8.0)[0, 64] == 20  # its neighbours would pay more than the 5 that it gains


def test_means_are_those_of_the_radii_named() -> None:
    profiles = np.tile(np.arange(RADII, dtype=np.float32), (DIRECTIONS, 1))
    first = np.full((1, DIRECTIONS), 10)
    assert mean_between(profiles, first, first + 4)[0] == pytest.approx(11.5)
    assert mean_between(profiles, first - 15, first - 5)[0] == pytest.approx(
        2.0
    )  # what lies below the first is cut off


def test_a_function_of_direction_is_read_at_offsets() -> None:
    along_x = sphere().directions[:, 0]
    offsets = np.array([[5.0, 0, 0], [-3.0, 0, 0], [0, 0, 9.0], [0, -2.0, 0]])
    assert at_offsets(along_x[None], offsets)[0] == pytest.approx([1, -1, 0, 0], abs=0.05)
    assert smoothing(60.0) @ np.ones(DIRECTIONS) == pytest.approx(1.0)


def test_radii_are_evenly_spaced_in_their_logarithm() -> None:
    assert np.diff(np.log(RADII_MM)) == pytest.approx(np.log(48 / 1.5) / 47)
