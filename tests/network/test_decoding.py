"""A target that is drawn comes back: through the same cells, refined inside them, wherever the crop starts."""

import math

import numpy as np
import pytest
import torch

from lesion_tracker.network.cells import lps_from_cell, nearest_cell, score_target
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.network.lattice import cell_grid, crop_grid, search_grid
from lesion_tracker.network.peaks import find_peak, refine, second_peak
from lesion_tracker.volumes.grid import Grid

SEARCH = search_grid(np.array([-37.0, 88.0, 410.0]), (96, 96, 40))
"""24 x 24 x 20 cells of 3.2 x 3.2 x 4.0 mm."""

MIDDLE = lps_from_cell(SEARCH, np.array([[12, 12, 10]]))[0]


def map_of(grid: Grid, center: np.ndarray, radius: float) -> torch.Tensor:
    """Return the logarithm of a target, as a network that draws it perfectly would answer."""
    return score_target(grid, center, radius).clamp_min(1e-30).log()


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other))


@pytest.mark.parametrize("radius", [3.0, 5.0, 8.0, 15.0, 40.0])
def test_a_target_at_any_sub_voxel_point_comes_back(radius: float) -> None:
    random = np.random.default_rng(int(radius))
    for _ in range(40):
        center = MIDDLE + random.uniform(-25, 25, 3)
        found = find_peak(map_of(SEARCH, center, radius), SEARCH)
        assert distance(found.center_mm, center) < 0.2
        assert found.cell == nearest_cell(SEARCH, center)


def test_without_refinement_half_a_cell_would_be_lost() -> None:
    """The corner between cells is the worst point: (1.6, 1.6, 2.0) mm from the nearest centre."""
    corner = lps_from_cell(SEARCH, np.array([[12.499, 12.499, 10.499]]))[0]
    found = find_peak(map_of(SEARCH, corner, 6.0), SEARCH)
    unrefined = lps_from_cell(SEARCH, np.array([found.cell[::-1]]))[0]
    assert distance(unrefined, corner) == pytest.approx(math.hypot(1.6, 1.6, 2.0), abs=0.02)
    assert distance(found.center_mm, corner) < 0.2


@pytest.mark.parametrize("shift", [(1, 0, 0), (0, 2, 0), (0, 0, 1), (3, 1, 2), (2, 3, 3)])
def test_a_shifted_crop_changes_nothing_in_mm(shift: tuple[int, int, int]) -> None:
    center = MIDDLE + np.array([1.234, -0.77, 1.9])
    moved = crop_grid(SEARCH.origin_mm + np.array(shift) * np.array(SPACING_MM), SEARCH.size)
    one, other = (find_peak(map_of(grid, center, 7.0), grid).center_mm for grid in (SEARCH, moved))
    assert distance(one, other) < 0.05  # the smoothing sums over whole cells
    assert distance(one, center) < 0.05


def test_noise_moves_the_answer_a_little_only() -> None:
    random = torch.Generator().manual_seed(1)
    center = MIDDLE + np.array([0.5, 1.1, -1.3])
    noisy = map_of(SEARCH, center, 6.0) + 0.02 * torch.randn(cell_grid(SEARCH).shape, generator=random)
    assert distance(find_peak(noisy, SEARCH).center_mm, center) < 0.5


@pytest.mark.parametrize("offset", [(0.0, 0.0, 0.0), (1.6, 0.0, 0.0), (1.6, 1.6, 2.0), (0.3, -0.9, 1.1)])
def test_exactly_one_cell_is_positive(offset: tuple[float, float, float]) -> None:
    """Also for a centre between two or eight cells, and for a radius so large that neighbours round to 1."""
    center = MIDDLE + np.array(offset)
    for radius in (3.0, 40.0, 4000.0):
        target = score_target(SEARCH, center, radius)
        assert target.dtype == torch.float32
        assert int((target == 1).sum()) == 1
        assert float(target[nearest_cell(SEARCH, center)]) == 1.0
        assert 0 <= float(target.min()) <= float(target.max()) <= 1


def test_the_target_is_a_gaussian_of_the_lesions_radius() -> None:
    target = score_target(SEARCH, MIDDLE, 8.0)
    assert target.shape == (20, 24, 24)
    assert float(target[10, 12, 12 + 5]) == pytest.approx(math.exp(-0.5 * (5 * 3.2 / 8) ** 2))
    assert float(target[10 + 2, 12, 12]) == pytest.approx(math.exp(-0.5))  # 2 cells of 4 mm are one radius


def test_cells_and_points_are_two_names_of_one_place() -> None:
    assert nearest_cell(SEARCH, MIDDLE) == (10, 12, 12)
    assert nearest_cell(SEARCH, MIDDLE + np.array([1.59, -1.59, 1.99])) == (10, 12, 12)
    assert nearest_cell(SEARCH, MIDDLE + np.array([1.61, 0, -2.01])) == (9, 12, 13)
    first = SEARCH.origin_mm + np.array([1.5, 1.5, 0.5]) * np.array(SPACING_MM)
    assert lps_from_cell(SEARCH, np.array([[0, 0, 0]]))[0] == pytest.approx(first)


def test_a_centre_beyond_the_crop_is_drawn_at_its_border() -> None:
    beyond = MIDDLE + np.array([500.0, 0.0, 0.0])
    assert nearest_cell(SEARCH, beyond) == (10, 12, 23)
    assert int((score_target(SEARCH, beyond, 8.0) == 1).sum()) == 1


@pytest.mark.parametrize(("cell", "edge"), [((0, 5, 5), 0), ((10, 1, 12), 1), ((19, 23, 23), 0), ((10, 12, 12), 9)])
def test_the_border_is_noticed(cell: tuple[int, int, int], edge: int) -> None:
    logits = torch.full((20, 24, 24), -5.0)
    logits[cell] = 2.0
    found = find_peak(logits, SEARCH)
    assert (found.cell, found.edge_cells, found.logit) == (cell, edge, 2.0)
    if edge == 0:  # no neighbours beyond: the cell's own centre
        assert found.center_mm == pytest.approx(lps_from_cell(SEARCH, np.array([cell[::-1]]))[0])


def test_a_peak_on_the_border_answers_inside_its_cell() -> None:
    corner = lps_from_cell(SEARCH, np.array([[0.3, 12.2, 9.7]]))[0]
    assert distance(find_peak(map_of(SEARCH, corner, 8.0), SEARCH).center_mm, corner) < math.hypot(1.6, 1.6, 2.0)


def test_refinement_never_leaves_the_neighbourhood() -> None:
    flat = np.zeros((5, 5, 5), dtype=np.float32)
    assert refine(flat, (2, 2, 2)).tolist() == [0.0, 0.0, 0.0]
    valley = np.fromfunction(lambda z, y, x: (z - 2) ** 2 + (y - 2) ** 2 + (x - 2) ** 2, (5, 5, 5))
    assert refine(valley, (2, 2, 2)).tolist() == [0.0, 0.0, 0.0]
    slope = np.fromfunction(lambda z, y, x: 100.0 * x - 1e-3 * x**2 + 0 * y * z, (5, 5, 5))
    assert refine(slope, (2, 2, 2)).tolist() == [0.0, 0.0, 1.0]


def test_the_second_peak_is_the_highest_that_is_far_enough() -> None:
    rival = MIDDLE + np.array([-24.0, 19.2, 8.0])
    both = torch.maximum(map_of(SEARCH, MIDDLE, 5.0), map_of(SEARCH, rival, 5.0) - 0.4)
    first = find_peak(both, SEARCH)
    second = second_peak(both, first, SEARCH, apart_mm=15.0)
    assert distance(first.center_mm, MIDDLE) < 0.2
    assert distance(second.center_mm, rival) < 2.5
    assert second.logit == pytest.approx(-0.4, abs=1e-3)
    assert distance(second.center_mm, first.center_mm) >= 15.0


def test_where_nothing_is_far_enough_there_is_no_rival() -> None:
    logits = map_of(SEARCH, MIDDLE, 5.0)
    assert second_peak(logits, find_peak(logits, SEARCH), SEARCH, apart_mm=1000.0).logit <= -1e4


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_map_that_is_not_finite_is_refused(broken: float) -> None:
    logits = torch.zeros(20, 24, 24)
    logits[3, 4, 5] = broken
    with pytest.raises(ValueError, match="not finite"):
        find_peak(logits, SEARCH)
