"""Axes of contours that are known by hand."""

import numpy as np
import pytest

from lesion_tracker.measurement.axes import axes_of, rings
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume


def _rectangle(width: float, height: float, turned_deg: float = 0.0, z: float = 3.0) -> np.ndarray:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * [width / 2, height / 2]
    angle = np.radians(turned_deg)
    turned = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.column_stack([np.add(turned, [5.0, -7.0]), np.full(5, z)])


@pytest.mark.parametrize("turned_deg", [0.0, 17.0, 90.0, 141.0])
def test_a_rectangle_of_3_by_4_has_a_diagonal_of_5_and_a_short_axis_square_to_it(turned_deg: float) -> None:
    axes = axes_of([_rectangle(4.0, 3.0, turned_deg)])
    assert axes.long_axis_mm == pytest.approx(5.0)
    # square to the diagonal: the chord through a corner, from the foot 9/5 along it; 3 * 5 / 4 = 3.75 long
    assert axes.short_axis_mm == pytest.approx(3.75)
    long, short = np.diff(axes.long_mm, axis=0)[0], np.diff(axes.short_mm, axis=0)[0]
    assert long @ short == pytest.approx(0.0, abs=1e-9)
    assert axes.slice_mm == 3.0


def test_the_longest_of_all_slices_counts() -> None:
    axes = axes_of([_rectangle(4.0, 3.0, z=0.0), _rectangle(8.0, 6.0, z=2.5), _rectangle(4.0, 3.0, z=5.0)])
    assert (axes.long_axis_mm, axes.slice_mm) == (pytest.approx(10.0), 2.5)


def test_the_short_axis_stays_inside_of_a_bent_ring() -> None:
    """A V of two arms, 10 wide at the top and 2 thick: the chord may not jump over its gap."""
    ring = np.array([[0, 0], [5, 10], [3.5, 10], [0, 3], [-3.5, 10], [-5, 10], [0, 0]], dtype=float)
    axes = axes_of([np.column_stack([ring, np.zeros(7)])])
    assert axes.long_axis_mm == pytest.approx(np.hypot(5, 10))
    assert axes.short_axis_mm < 5.0


def test_a_contour_lies_where_half_of_the_pixel_is_covered() -> None:
    """A disk drawn by its exact cover has its diameter to a fifth of a pixel: the longest chord collects the ripple."""
    grid = Grid.from_parts((40, 40, 1), np.array([0.8, 0.8, 3.0]), np.array([-10.0, 20.0, 7.0]), np.eye(3))
    y, x = np.meshgrid(np.arange(400) / 10 - 0.45, np.arange(400) / 10 - 0.45, indexing="ij")
    fine = np.hypot((x - 19.3) * 0.8, (y - 18.6) * 0.8) <= 9.0
    cover = fine.reshape(40, 10, 40, 10).mean(axis=(1, 3))[None].astype(np.float32)
    (ring,) = rings(Volume(cover, grid))
    axes = axes_of([ring])
    assert axes.long_axis_mm == pytest.approx(18.0, abs=0.16)
    assert axes.short_axis_mm == pytest.approx(18.0, abs=0.16)
    middle = (ring.min(axis=0) + ring.max(axis=0)) / 2
    assert middle == pytest.approx([-10 + 19.3 * 0.8, 20 + 18.6 * 0.8, 7.0], abs=0.1)


def test_an_outline_at_the_border_is_closed() -> None:
    grid = Grid.from_parts((5, 5, 1), np.ones(3), np.zeros(3), np.eye(3))
    axes = axes_of(rings(Volume(np.ones((1, 5, 5), dtype=np.float32), grid)))
    assert axes.long_axis_mm == pytest.approx(np.hypot(5, 4), abs=0.1)  # half a pixel beyond the outer centres


def test_no_ring_has_no_axes() -> None:
    with pytest.raises(ValueError, match="without a ring"):
        axes_of([])
