"""The anatomy signal is a Gaussian ball in mm (Eq. 2)."""

import math

import numpy as np
import pytest

from lesion_tracker.network.anatomy_signal import anatomy_signal
from lesion_tracker.volumes.grid import Grid

GRID = Grid.from_parts((9, 7, 5), np.array([1.0, 2.0, 4.0]), np.array([10.0, -20.0, 30.0]), np.eye(3))


def test_it_is_1_at_the_centre_and_falls_with_the_distance_in_mm() -> None:
    signal = anatomy_signal(GRID, np.array([14.0, -14.0, 38.0]), radius_mm=2.0, n=4.0)  # voxel (4, 3, 2), sigma 8 mm
    assert signal.shape == (5, 7, 9)
    assert float(signal[2, 3, 4]) == 1.0
    assert float(signal[2, 3, 8]) == pytest.approx(math.exp(-(4.0**2) / 128))
    assert float(signal[2, 6, 4]) == pytest.approx(math.exp(-(6.0**2) / 128))
    assert float(signal[4, 3, 4]) == pytest.approx(math.exp(-0.5))  # 8 mm is one sigma
    assert float(signal[0, 0, 0]) == pytest.approx(math.exp(-(4.0**2 + 6.0**2 + 8.0**2) / 128))


def test_n_radii_are_one_standard_deviation() -> None:
    center = np.array([12.3, -11.1, 35.0])
    assert anatomy_signal(GRID, center, 6.0, n=2.0).equal(anatomy_signal(GRID, center, 3.0, n=4.0))
    assert anatomy_signal(GRID, center, 3.0).equal(anatomy_signal(GRID, center, 3.0, n=4.0))


def test_a_centre_beyond_the_grid_leaves_its_tail() -> None:
    signal = anatomy_signal(GRID, np.array([-30.0, -14.0, 38.0]), radius_mm=5.0)
    assert int(signal[2, 3].argmax()) == 0
    assert 0 < float(signal.max()) == pytest.approx(math.exp(-(40.0**2) / 800))
