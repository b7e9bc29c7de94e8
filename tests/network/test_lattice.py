"""Where crops and cells lie, worked out by hand."""

import numpy as np
import pytest

from lesion_tracker.network.lattice import cell_grid, cells_of, crop_grid, search_grid, search_voxels, template_grid


def test_a_cell_lies_in_the_middle_of_its_voxels() -> None:
    """4 x 4 x 2 voxels of 0.8 x 0.8 x 2.0 mm: half a cell less half a voxel from the crop's first voxel centre."""
    cells = cell_grid(crop_grid(np.array([10.0, 20.0, 30.0]), (32, 48, 6)))
    assert cells.size == (8, 12, 3)
    assert cells.origin_mm == pytest.approx([10 + 1.5 * 0.8, 20 + 1.5 * 0.8, 30 + 0.5 * 2.0])
    assert cells.spacing_mm == pytest.approx([3.2, 3.2, 4.0])


@pytest.mark.parametrize("center", [(0.0, 0.0, 0.0), (-123.45, 67.891, 1002.3)])
def test_a_template_has_its_lesion_exactly_in_the_middle_of_a_cell(center: tuple[float, float, float]) -> None:
    grid = template_grid(np.array(center))
    assert grid.size == (128, 128, 24)
    index = cell_grid(grid).indices_from_lps(np.array([center]))[0]
    assert index == pytest.approx([16, 16, 6], abs=1e-9)


def test_a_search_lies_on_the_lattice_round_its_centre() -> None:
    block_mm = np.array([12.8, 12.8, 4.0])
    for center in ((0.0, 0.0, 0.0), (-300.1, 55.5, 901.2), (6.39, 6.41, -1.99)):
        grid = search_grid(np.array(center), (96, 64, 20))
        nodes = grid.origin_mm / block_mm
        assert nodes == pytest.approx(np.round(nodes), abs=1e-9)
        middle = grid.origin_mm + np.array([96, 64, 20]) * np.array([0.8, 0.8, 2.0]) / 2
        assert (np.abs(middle - np.array(center)) <= block_mm / 2 + 1e-9).all()


def test_searches_of_one_study_share_their_cells() -> None:
    """Two crops differ by whole blocks, so the cells of all three scales coincide."""
    one, other = (cell_grid(search_grid(np.array(c), (64, 64, 8))) for c in ((3.0, 4.0, 5.0), (41.7, -80.2, 33.3)))
    apart = one.indices_from_lps(other.origin_mm[None])[0] / np.array([4, 4, 1])
    assert apart == pytest.approx(np.round(apart), abs=1e-9)


@pytest.mark.parametrize("size", [(90, 64, 20), (64, 64, 3), (0, 64, 20), (-16, 64, 20)])
def test_a_search_that_would_cut_a_cell_is_refused(size: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"multiple of .* voxels \(x, y, z\), got"):
        search_grid(np.zeros(3), size)


def test_the_cell_that_holds_a_cell_at_coarser_scales() -> None:
    assert cells_of((6, 16, 17)) == [(6, 16, 17), (6, 8, 8), (6, 4, 4)]
    assert cells_of((5, 7, 15)) == [(5, 7, 15), (5, 3, 7), (5, 1, 3)]


def test_a_search_crop_reaches_as_far_as_is_asked_on_whole_blocks() -> None:
    assert search_voxels(48.0) == (128, 128, 48)  # 51.2, 51.2 and 48 mm to either side
    assert search_voxels(96.0) == (240, 240, 96)
    for reach_mm in (1.0, 30.0, 51.3, 100.0):
        size = np.array(search_voxels(reach_mm))
        width_mm = size * [0.8, 0.8, 2.0]
        assert (width_mm >= 2 * reach_mm - 1e-6).all()
        assert (width_mm - [12.8, 12.8, 4.0] < 2 * reach_mm).all()  # a block less would not reach
        search_grid(np.zeros(3), search_voxels(reach_mm))  # refuses what is no whole blocks
