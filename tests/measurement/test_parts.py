"""Two bodies within what was one lesion are found, and nothing else is taken for them."""

from dataclasses import replace

import numpy as np
import pytest

from lesion_tracker.measurement.measure import measure
from lesion_tracker.measurement.parts import Held, held, two_parts
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

GRID = Grid.from_parts((70, 70, 40), np.array([1.0, 1.0, 2.0]), np.array([-35.0, -35.0, -40.0]), np.eye(3))
POINTS = GRID.lps_from_indices(np.argwhere(np.ones(GRID.shape))[:, ::-1].astype(np.float64))


def _balls(*balls: tuple[float, float]) -> Volume:
    """Return balls of x and radius, mm, of 60 HU in tissue of −20 HU."""
    away = [np.linalg.norm(POINTS - [x, 0.0, 0.0], axis=1) - radius for x, radius in balls]
    share = np.clip(0.5 - np.min(away, axis=0), 0.0, 1.0)
    hu = -20.0 + 80.0 * share + np.random.default_rng(0).normal(0.0, 6.0, len(POINTS))
    return Volume(hu.reshape(GRID.shape).astype(np.float32), GRID)


@pytest.fixture(scope="module")
def before() -> Held:
    """Return what the outline of a ball of 28 mm holds."""
    earlier = _balls((0.0, 14.0))
    return held(earlier, measure(earlier, np.zeros(3)))


def test_what_an_outline_holds(before: Held) -> None:
    assert before.contrast_hu == pytest.approx(80.0, abs=4.0)
    assert len(before.points_mm) * 2.0 == pytest.approx(4 / 3 * np.pi * 14.0**3, rel=0.1)  # voxels of 2 mm3
    nothing = replace(before, points_mm=before.points_mm[:0])
    assert two_parts(_balls((-9.0, 5.0), (8.0, 6.0)), nothing) is None


@pytest.mark.parametrize("shift_mm", [0.0, 3.0])
def test_both_parts_of_a_lesion_that_split_are_found(before: Held, shift_mm: float) -> None:
    moved = replace(before, points_mm=before.points_mm + np.array([0.0, shift_mm, 0.0]))  # where registration is off
    parts = two_parts(_balls((-9.0, 5.0), (8.0, 6.0)), moved)
    assert parts is not None
    assert [part.center_mm[0] for part in parts] == [pytest.approx(8.0, abs=1.0), pytest.approx(-9.0, abs=1.0)]
    assert [part.long_axis_mm for part in parts] == [pytest.approx(12.0, abs=1.5), pytest.approx(10.0, abs=1.5)]


def test_corners_beyond_an_oblique_study_are_no_part_of_a_dark_lesion(before: Held) -> None:
    turn = np.eye(4)
    angle = np.deg2rad(20.0)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    tilted = Grid(GRID.size, turn @ GRID.lps_from_index)
    rng = np.random.default_rng(0)
    volume = Volume(rng.normal(110.0, 6.0, tilted.shape).astype(np.float32), tilted)
    dark = replace(before, contrast_hu=-50.0)
    for number in range(0, GRID.size[2], 3):  # along both slanted faces
        for face in (2, GRID.size[1] - 3):
            place = tilted.lps_from_indices(np.array([[35.0, face, number]]))[0]
            two_parts(volume, replace(dark, points_mm=before.points_mm + place))  # raises nothing


@pytest.mark.parametrize(
    "balls",
    [
        pytest.param([(-2.0, 12.0)], id="whole"),
        pytest.param([(-6.0, 6.0)], id="shrunk to one side"),
        pytest.param([(-9.0, 5.0), (26.0, 7.0)], id="a neighbour outside of what it was"),
        pytest.param([(60.0, 5.0)], id="gone"),
    ],
)
def test_one_body_is_not_two(before: Held, balls: list[tuple[float, float]]) -> None:
    assert two_parts(_balls(*balls), before) is None
