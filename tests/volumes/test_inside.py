"""A point outside a study is refused with the mistake that would put it inside, and with none where none would."""

import numpy as np
import pytest

from lesion_tracker.errors import PointOutsideError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.inside import outside_text, require_inside

GRID = Grid.from_parts((100, 80, 40), np.array([2.0, 2.0, 5.0]), np.array([-100.0, -50.0, -600.0]), np.eye(3))
"""x from -100 to 98, y from -50 to 108, z from -600 to -405 mm."""

POINT = (60.0, 100.0, -500.0)
RAS = " Slicer points are RAS: were x and y negated?"
VOXELS = " Are these voxel indices? Points are in mm."


def _refused(point: tuple[float, float, float]) -> str:
    with pytest.raises(PointOutsideError) as refusal:
        require_inside([Lesion("in", POINT, 5.0), Lesion("out", point, 5.0)], GRID, "s")
    return str(refusal.value)


def test_the_point_and_the_extent_are_named() -> None:
    assert _refused((0.0, 0.0, 993.0)) == (
        "'out' at (0.0, 0.0, 993.0) is outside study 's', which spans (-100.0, -50.0, -600.0) to (98.0, 108.0, -405.0) "
        "(LPS mm)."
    )


@pytest.mark.parametrize(
    ("point", "cause"),
    [
        ((-60.0, -100.0, -500.0), RAS),
        ((80.0, 75.0, 20.0), VOXELS),
        ((0.0, 0.0, 0.0), VOXELS),
        ((-500.0, 100.0, 60.0), " Are these z, y, x? Points are x, y, z."),
        ((100.0, 60.0, -500.0), " Are these y, x, z? Points are x, y, z."),
        ((100.0, -500.0, 60.0), " Are these y, z, x? Points are x, y, z."),
        ((-500.0, 60.0, 100.0), " Are these z, x, y? Points are x, y, z."),
        ((60.0, -500.0, 100.0), " Are these x, z, y? Points are x, y, z."),
        ((0.0, 0.0, 993.0), ""),
        ((500.0, -145.0, -500.0), ""),  # negated, x would still be 400 mm away
        ((80.0, 75.0, 40.0), ""),  # one slice further than there are
    ],
)
def test_only_a_cause_that_would_put_the_point_inside_is_suggested(
    point: tuple[float, float, float], cause: str
) -> None:
    assert _refused(point).partition("(LPS mm).")[2] == cause


def test_of_several_causes_each_is_asked() -> None:
    grid = Grid.from_parts((100, 150, 100), np.ones(3), np.array([-150.0, -100.0, -99.5]), np.eye(3))
    assert outside_text(np.array([60.0, 90.0, -0.4]), grid, "s").endswith(f"(LPS mm).{RAS}{VOXELS}")
