"""The benchmark's constructed pairs: exact truth, hard lesions that moved, the same pair from the same seed."""

import json

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.accuracy.reliability import area_under_curve, expected_calibration_error
from benchmarks.constructed.bodies import draw_bodies, random_body
from benchmarks.constructed.ct_look import add_ramp_noise, add_streaks, change_contrast
from benchmarks.constructed.hard_render import hard_pair
from benchmarks.constructed.hard_scenario import LESIONS, STILL_MM, STRUCTURES, draw_scenario
from benchmarks.constructed.moved_region import MovedRegion, Regions, random_region
from benchmarks.constructed.places import Places, find_places
from benchmarks.constructed.renderer import Renderer
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume


@pytest.fixture(scope="module")
def phantom() -> Volume:
    """An ellipse of tissue, 350 x 260 mm, with two lungs and random structures inside; 4 x 4 x 5 mm."""
    rng = np.random.default_rng(1)
    grid = Grid.from_parts((96, 72, 60), np.array([4.0, 4.0, 5.0]), np.array([-190.0, -142.0, -150.0]), np.eye(3))
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    x, y, z = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1)).T.reshape(3, *grid.shape)
    texture = ndimage.gaussian_filter(rng.normal(size=grid.shape), 1.5)
    hu = 40 + 60 * texture / texture.std()
    lungs = ((np.abs(x) - 75) / 55) ** 2 + (y / 70) ** 2 + (z / 100) ** 2 < 1
    hu = np.where(lungs, -800 + 120 * texture / texture.std(), hu)
    body = (x / 175) ** 2 + (y / 130) ** 2 < 1
    return Volume(np.where(body, hu, -1000).astype(np.int16), grid)


@pytest.fixture(scope="module")
def places(phantom: Volume) -> Places:
    return find_places(phantom)


def test_a_region_moves_its_core_by_its_shift_and_nothing_beyond_its_reach():
    shift = np.array([30.0, 0.0, 0.0])
    region = MovedRegion(np.zeros(3), shift, np.eye(3), np.array([90.0, 50.0, 60.0]))
    points = np.array([[0.0, 0.0, 0.0], [3.0, 10.0, -8.0], [0.0, 51.0, 0.0], [-61.0, 0.0, 0.0], [121.0, 0.0, 0.0]])
    moved = region.move(points)
    np.testing.assert_allclose(moved[:2], points[:2] + shift, atol=1e-9)
    np.testing.assert_allclose(moved[2:], points[2:], atol=1e-9)


def test_a_region_that_would_fold_is_refused():
    with pytest.raises(ValueError, match="cannot move"):
        MovedRegion(np.zeros(3), np.array([45.0, 0.0, 0.0]), np.eye(3), np.array([60.0, 50.0, 50.0]))


@pytest.mark.parametrize("seed", range(4))
def test_regions_can_be_inverted_everywhere(seed):
    rng = np.random.default_rng(seed)
    shifts = [v / np.linalg.norm(v) * 45 for v in rng.normal(size=(3, 3))]
    regions = Regions(tuple(random_region(rng.uniform(-50, 50, 3), shift, rng) for shift in shifts))
    points = rng.uniform(-150, 150, (2000, 3))
    assert np.abs(regions.move_back(regions.move(points)) - points).max() < 1e-6


def test_a_scenario_is_hard_by_a_third_and_its_lesions_are_in_view(phantom: Volume, places: Places):
    scenario = draw_scenario(phantom, places, 2, np.random.default_rng(3))
    counted = [lesion for lesion in scenario.lesions if lesion.counted]
    hard = [lesion for lesion in counted if lesion.hard]
    assert len(counted) == LESIONS
    assert sum(lesion.kind == "structure" for lesion in counted) == STRUCTURES
    assert len(hard) == 4  # every third pair, the others have three
    assert all(lesion.moved_mm < STILL_MM for lesion in counted if not lesion.hard)
    assert scenario.grid.contains(np.array([lesion.followup_mm for lesion in counted])).all()
    json.dumps(scenario.to_json(), allow_nan=False)


def test_lesions_outside_are_not_covered(phantom: Volume, places: Places):
    scenario = draw_scenario(phantom, places, 1, np.random.default_rng(4))
    outside = [lesion for lesion in scenario.lesions if lesion.change == "outside"]
    assert outside
    assert not scenario.grid.contains(np.array([lesion.followup_mm for lesion in outside])).any()


def test_truth_is_exact_both_ways(phantom: Volume, places: Places):
    exact = draw_scenario(phantom, places, 0, np.random.default_rng(5)).exact
    low, high = phantom.grid.bounds_mm()
    points = np.random.default_rng(0).uniform(low, high, (1000, 3))
    assert np.abs(exact.baseline_from_followup(exact.followup_from_baseline(points)) - points).max() < 0.01


def test_the_picture_follows_the_map(phantom: Volume, places: Places):
    """Coordinates as HU: what the follow-up shows at a place is where the map says that it comes from."""
    scenario = draw_scenario(phantom, places, 0, np.random.default_rng(6))
    i = np.broadcast_to(np.arange(phantom.grid.size[0], dtype=np.float32), phantom.grid.shape)
    x_mm = Volume(i * 4 - 190, phantom.grid)
    grid = Grid.from_parts(
        (40, 40, 6), np.full(3, 2.0), scenario.lesions[0].followup_mm - np.array([40.0, 40, 6]), np.eye(3)
    )
    shown = Renderer(x_mm, scenario.exact).render(grid, 1)
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    wanted = scenario.exact.baseline_from_followup(
        grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], 1))
    )
    inside = phantom.grid.contains(wanted, -5.0)
    assert inside.sum() > 1000
    miss = np.abs(shown.ravel() - wanted[:, 0])[inside]
    assert np.median(miss) < 0.02
    assert miss.max() < 0.5  # in the steepest rims the 3 mm lattice between exact nodes bends less than the map


@pytest.mark.long
def test_the_same_seed_gives_the_same_pair_and_another_another(phantom: Volume, places: Places):
    first, again, other = (hard_pair(phantom, places, seed, 0) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.followup.hu, again.followup.hu)
    np.testing.assert_array_equal(first.baseline.hu, again.baseline.hu)
    assert first.scenario.to_json() == again.scenario.to_json()
    assert first.scenario.to_json() != other.scenario.to_json()


@pytest.mark.parametrize("seed", range(6))
def test_a_body_has_its_centroid_in_its_centre_and_its_radius(seed):
    rng = np.random.default_rng(seed)
    grid = Grid.from_parts((60, 60, 60), np.ones(3), np.full(3, -29.5), np.eye(3))
    body = random_body(rng, np.zeros(3), 14.0, 40.0).changed(speckle_hu=0.0, core_hu=0.0, hu=1000.0)
    drawn = draw_bodies(np.zeros(grid.shape, dtype=np.float32), grid, [(body, np.zeros(3))], None) / 1000
    z, y, x = np.nonzero(drawn > 0.5)
    points = np.stack([x, y, z], axis=1) - 29.5
    assert np.abs(points.mean(axis=0)).max() < 0.6  # half a node of the body's own lattice
    assert np.linalg.norm(points, axis=1).max() == pytest.approx(14.0, abs=1.2)


def test_noise_has_its_strength_and_little_of_it_is_slow():
    noise = add_ramp_noise(np.zeros((4, 128, 128), dtype=np.float32), 20.0, 0.3, np.random.default_rng(0))
    assert noise.std() == pytest.approx(20.0, rel=0.01)
    power = np.abs(np.fft.fft2(noise[0])) ** 2
    slow, fast = power[1:5, 1:5].mean(), power[20:30, 20:30].mean()
    assert slow < 0.1 * fast  # a ramp: the spectrum rises with the square of the frequency


def test_contrast_changes_tissue_but_neither_air_nor_fat_nor_bone():
    hu = np.repeat(np.array([-900.0, -100.0, 70.0, 200.0, 900.0], dtype=np.float32), 400).reshape(5, 20, 20)
    changed = change_contrast(hu, 60.0, 20.0, np.random.default_rng(0)) - hu
    assert np.abs(changed[[0, 1, 4]]).max() == 0
    assert changed[2].mean() == pytest.approx(20, rel=0.6)
    assert changed[3].mean() > changed[2].mean()


def test_streaks_stay_in_a_few_slices():
    streaked = add_streaks(np.zeros((40, 64, 64), dtype=np.float32), 1, 12.0, np.random.default_rng(0))
    assert 1 <= (np.abs(streaked).max(axis=(1, 2)) > 0.01).sum() <= 7


def test_area_under_curve_counts_ordered_pairs():
    confidence, right = np.array([0.9, 0.6, 0.6, 0.2]), np.array([True, False, True, False])
    assert area_under_curve(confidence, right) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert np.isnan(area_under_curve(confidence, np.array([True] * 4)))


def test_calibration_error_is_the_mean_gap_of_equal_bins():
    confidence = np.array([0.1] * 10 + [0.9] * 10)
    right = np.array([False] * 10 + [True] * 5 + [False] * 5)
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx((0.1 + 0.4) / 2)
    with pytest.raises(ValueError, match="do not fill"):
        expected_calibration_error(confidence[:3], right[:3])
