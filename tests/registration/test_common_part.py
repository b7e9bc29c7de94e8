"""What a deformable method works on: the common part, images that go on beyond the scan, fields that stay calm."""

import numpy as np
import pytest

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration.bspline import dense_field
from lesion_tracker.registration.calm import calmed
from lesion_tracker.registration.common_box import CommonPart, common_part
from lesion_tracker.registration.dense import faded
from lesion_tracker.registration.point_map import Displacement
from lesion_tracker.registration.views import translation
from lesion_tracker.registration.working import EMPTY_HU, cubic_grid
from tests.registration.phantom import study


def part_of_slab() -> CommonPart:
    slab = study((100.0, 160.0), origin_shift_mm=(0.0, 0.0, 50.0))
    return common_part(study(), slab, translation(np.array([0.0, 0.0, 50.0])), 4.0, 1e6)


def test_holds_the_common_coverage_with_a_margin_and_masks_the_rest():
    part = part_of_slab()
    grid = part.fixed.image.grid
    low, high = grid.bounds_mm()
    assert (low[2], high[2]) == (pytest.approx(85.0, abs=4.0), pytest.approx(175.0, abs=4.0))
    planes = grid.origin_mm[2] + 4.0 * np.flatnonzero(part.mask.any(axis=(1, 2)))
    assert planes.min() == pytest.approx(108.0, abs=4.0)  # 100 mm and two voxels of 4 mm
    assert planes.max() == pytest.approx(152.0, abs=4.0)


def test_both_images_go_on_beyond_their_scans():
    part = part_of_slab()
    unseen = ~part.moved.image.seen
    assert unseen.any()
    assert (part.moved.image.hu[unseen] > EMPTY_HU + 100).mean() > 0.4  # the body goes on, the air beside it too
    first = int(np.flatnonzero(part.moved.image.seen.any(axis=(1, 2)))[0])
    np.testing.assert_array_equal(part.moved.image.hu[0], part.moved.image.hu[first])


def test_a_large_part_gets_larger_voxels():
    part = common_part(study(), study(), np.eye(4), 4.0, 5e4)
    assert part.mask.size < 7e4
    assert part.fixed.image.spacing_mm > 6.0


def test_nothing_in_common_is_refused():
    with pytest.raises(RegistrationFailed, match="no part of the body in common"):
        common_part(study(), study(), translation(np.array([0.0, 0.0, 900.0])), 4.0, 1e6)


def test_a_flat_region_follows_its_surroundings_and_structure_keeps_its_own():
    part = part_of_slab()
    hu = np.full(part.mask.shape, 40.0, dtype=np.float32)
    hu[:, ::2, :30] += 400.0  # structure on one side, nothing on the other
    view = type(part.fixed)(
        type(part.fixed.image)(hu, part.fixed.image.seen, part.fixed.image.origin_mm, 4.0), part.mask
    )
    flat = CommonPart(view, part.moved, np.ones_like(part.mask))
    shift = np.zeros((*hu.shape, 3), dtype=np.float32)
    shift[:, :, :34] = 5.0  # windows that touch the structure count as structure
    shift[:, :, 34:] = np.random.default_rng(0).normal(0.0, 4.0, shift[:, :, 34:].shape)
    result = calmed(shift, flat)
    assert np.abs(result[:, :, :26] - 5.0).max() < 0.2
    assert result[:, :, 36:42].std() < 0.5
    assert result[:, :, 36:42].mean() == pytest.approx(5.0, abs=0.5)


def test_the_field_fades_within_30_mm_and_keeps_its_middle():
    part = part_of_slab()
    grid = part.fixed.image.grid
    field = faded(Displacement(grid, np.full((*grid.shape, 3), 8.0, dtype=np.float32)), part)
    heights = np.array([[0.0, 0.0, z] for z in (130.0, 108.0, 93.0, 70.0, 0.0)])
    np.testing.assert_allclose(field(heights)[:, 0], [8.0, 8.0, 4.0, 0.0, 0.0], atol=1.2)  # planes of 4 mm


def test_a_b_spline_of_equal_coefficients_is_constant_and_a_single_one_is_its_bump():
    grid = cubic_grid(np.array([0.0, 0.0, 0.0]), np.array([9, 9, 9]), 4.0)
    origin, spacing = np.full(3, -16.0), np.full(3, 16.0)
    coefficients = np.full((5, 5, 5, 3), 2.5)
    np.testing.assert_allclose(dense_field(coefficients, origin, spacing, grid), 2.5, rtol=1e-6)
    coefficients = np.zeros((5, 5, 5, 3))
    coefficients[2, 1, 2, 0] = 27.0  # control point at x = 16, y = 0, z = 16
    field = dense_field(coefficients, origin, spacing, grid)
    assert field[4, 0, 4, 0] == pytest.approx(27.0 * (2 / 3) ** 3)
    assert field[4, 4, 4, 0] == pytest.approx(27.0 * (2 / 3) ** 2 / 6)
    assert field[..., 1:].max() == 0.0
