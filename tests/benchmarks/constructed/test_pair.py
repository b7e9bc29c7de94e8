"""A constructed follow-up shows what its maps say."""

import numpy as np
import pytest

from benchmarks.constructed.growth import Growth
from benchmarks.constructed.map import rotation_matrix
from benchmarks.constructed.pair import FollowupChange, construct_followup
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SPACING = np.array([1.5, 1.5, 2.0])
ORIGIN = np.array([-40.0, -30.0, 500.0])
SIZE = (56, 50, 48)
DIRECTIONS = {
    "along LPS": np.eye(3),
    "x and y flipped": np.diag([-1.0, -1.0, 1.0]),
    "sagittal slices": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "oblique": rotation_matrix(np.array([5.0, -8.0, 12.0])),
}
CHANGE = FollowupChange(rotation_deg=(4.0, -3.0, 5.0), shift_mm=(20.0, -10.0, 120.0), deformation_mm=5.0, breath_mm=6.0)


def volume_of(hu_of_lps, direction=DIRECTIONS["along LPS"]) -> Volume:
    grid = Grid.from_parts(SIZE, SPACING, ORIGIN, direction)
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    return Volume(hu_of_lps(points).reshape(grid.shape).astype(np.float32), grid)


def middle_mm(direction=DIRECTIONS["along LPS"]) -> np.ndarray:
    grid = Grid.from_parts(SIZE, SPACING, ORIGIN, direction)
    return grid.lps_from_indices((np.array([SIZE]) - 1) / 2)[0]


def ball(center_mm, radius_mm):
    """A ball of 100 HU in −900 HU, with a soft edge of 3 mm so that its volume does not depend on the voxels."""

    def hu(points):
        depth = radius_mm - np.linalg.norm(points - center_mm, axis=1)
        return -900 + 1000 * np.clip(depth / 3 + 0.5, 0, 1)

    return hu


def ball_of(volume: Volume) -> tuple[np.ndarray, float]:
    """Return the centre (mm) and the volume (mm3) of what is brighter than −900 HU."""
    weight = np.clip((volume.hu.astype(np.float64) + 900) / 1000, 0, None)
    k, j, i = np.nonzero(weight > 0.02)
    points = volume.grid.lps_from_indices(np.stack([i, j, k], axis=1))
    weights = weight[k, j, i]
    center = (points * weights[:, None]).sum(axis=0) / weights.sum()
    return center, float(weights.sum() * np.prod(volume.grid.spacing_mm))


@pytest.mark.parametrize("seed", range(5))
def test_both_maps_undo_each_other(seed):
    rng = np.random.default_rng(seed)
    growth = (Growth(tuple(middle_mm()), 8.0, 1.25), Growth(tuple(middle_mm() + 9.0), 5.0, 0.6))
    change = FollowupChange((4.0, -3.0, 5.0), (20.0, -10.0, 150.0), 15.0, 20.0, growth)
    pair = construct_followup(volume_of(lambda p: np.zeros(len(p))), change, rng)
    points = rng.uniform(ORIGIN - 50, ORIGIN + 150, size=(2000, 3))
    there = pair.followup_from_baseline(points)
    assert np.abs(pair.baseline_from_followup(there) - points).max() < 0.01
    back = pair.baseline_from_followup(points)
    assert np.abs(pair.followup_from_baseline(back) - points).max() < 0.01


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_what_is_bright_in_the_baseline_is_found_where_the_map_says(direction):
    center = middle_mm(direction) + np.array([6.0, -4.0, 3.0])
    pair = construct_followup(volume_of(ball(center, 6.0), direction), CHANGE, np.random.default_rng(3))
    found, _ = ball_of(pair.followup)
    expected = pair.followup_from_baseline(center[None])[0]
    assert np.linalg.norm(expected - center) > 100  # the shift
    assert np.linalg.norm(found - expected) < 0.5 * SPACING.min()


def test_growth_scales_the_ball_about_its_exact_center():
    center = middle_mm()
    baseline = volume_of(ball(center, 8.0))
    change = FollowupChange(growth=(Growth(tuple(center), 10.0, 1.25),))
    pair = construct_followup(baseline, change, np.random.default_rng(0))
    _, volume_before = ball_of(baseline)
    found, volume_after = ball_of(pair.followup)
    assert volume_after / volume_before == pytest.approx(1.25**3, rel=0.02)  # linear sampling of 1.5 mm voxels
    assert np.abs(found - center).max() < 0.1
    assert np.allclose(pair.followup_from_baseline(center[None])[0], center, atol=1e-6)
    far = center[None] + np.array([[40.0, 0.0, 0.0]])
    assert np.allclose(pair.followup_from_baseline(far), far)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.3, 0.7), (0.0, 0.4)])
def test_slices_and_coverage_are_those_asked_for(low, high):
    baseline = volume_of(lambda p: p[:, 2])
    change = FollowupChange(slice_mm=5.0, pixel_mm=2.0, coverage=(low, high))
    followup = construct_followup(baseline, change, np.random.default_rng(0)).followup
    assert np.allclose(followup.grid.spacing_mm, [2.0, 2.0, 5.0])
    height = (SIZE[2] - 1) * SPACING[2]
    bottom, top = (bound[2] for bound in followup.grid.bounds_mm())
    assert bottom == pytest.approx(ORIGIN[2] + low * height)
    assert ORIGIN[2] + high * height - 5.0 < top <= ORIGIN[2] + high * height + 1e-6


def test_a_thick_slice_is_the_mean_over_its_thickness():
    baseline = volume_of(lambda p: np.where(p[:, 2] < 548.9, 0.0, 600.0))
    followup = construct_followup(baseline, FollowupChange(slice_mm=6.0), np.random.default_rng(0)).followup
    column = followup.hu[:, followup.hu.shape[1] // 2, followup.hu.shape[2] // 2]
    # slice 8 is centred on the step at 548 mm: its thirds are centred at 546 (0), 548 (0) and 550 mm (600)
    assert list(column[6:11]) == [0, 0, 200, 600, 600]


def test_the_same_seed_gives_the_same_pair_and_another_seed_another():
    baseline = volume_of(ball(middle_mm(), 10.0))
    change = FollowupChange(deformation_mm=4.0, noise_hu=20.0, table=True)
    first, again, other = (
        construct_followup(baseline, change, np.random.default_rng(seed)).followup.hu for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_noise_has_the_deviation_asked_for_and_is_correlated():
    baseline = volume_of(lambda p: np.full(len(p), 40.0))
    followup = construct_followup(baseline, FollowupChange(noise_hu=20.0), np.random.default_rng(5)).followup
    inside = followup.hu[:, 12:-12, 12:-12].astype(np.float64) - 40
    assert inside.std() == pytest.approx(20, rel=0.05)
    neighbours = (inside[:, :, 1:] * inside[:, :, :-1]).mean() / inside.var()
    assert 0.4 < neighbours < 0.9


@pytest.mark.parametrize(("kernel_mm", "steeper"), [(1.5, False), (-1.5, True)])
def test_a_kernel_blurs_or_sharpens_within_the_slice(kernel_mm, steeper):
    baseline = volume_of(ball(middle_mm(), 10.0))
    plain, other = (
        construct_followup(baseline, FollowupChange(kernel_mm=k), np.random.default_rng(0)).followup.hu.astype(float)
        for k in (0.0, kernel_mm)
    )
    slopes = [np.abs(np.diff(hu[24], axis=1)).max() for hu in (plain, other)]
    assert (slopes[1] > slopes[0]) == steeper


def test_another_table_replaces_the_old_one():
    def body_on_a_table(points):
        body = np.hypot(points[:, 0] - 0, (points[:, 1] - 5) * 1.2) < 25
        plate = (points[:, 1] > 38) & (points[:, 1] < 40.5)
        return np.where(body, 40.0, np.where(plate, 300.0, -1000.0))

    baseline = volume_of(body_on_a_table)
    followup = construct_followup(baseline, FollowupChange(table=True), np.random.default_rng(1)).followup
    assert followup.hu.max() == 40  # the old plate of 300 HU is gone
    rows = np.flatnonzero(followup.hu[20, :, followup.hu.shape[2] // 2] == -100)
    assert rows.size >= 2
    assert followup.grid.origin_mm[1] + rows[0] * 1.5 > 5 + 25 / 1.2 - 1.5
    assert followup.hu[:, :5].max() == -1024


def test_beyond_the_baseline_lies_air():
    change = FollowupChange(rotation_deg=(0.0, 0.0, 30.0))
    followup = construct_followup(volume_of(lambda p: np.zeros(len(p))), change, np.random.default_rng(0)).followup
    assert followup.hu[:, 0, 0].max() == -1024
    assert followup.hu[24, followup.hu.shape[1] // 2, followup.hu.shape[2] // 2] == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"coverage": (0.5, 0.5)}, "coverage must be two fractions"),
        ({"slice_mm": 0.0}, "slice_mm must be positive"),
        ({"noise_hu": -1.0}, "noise_hu must be at least 0"),
    ],
)
def test_nonsense_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        FollowupChange(**values)


def test_a_breath_that_would_fold_the_body_is_refused():
    with pytest.raises(ValueError, match="would fold the body"):
        construct_followup(
            volume_of(lambda p: np.zeros(len(p))), FollowupChange(breath_mm=60.0), np.random.default_rng(0)
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (((0.0, 0.0, 0.0), -1.0, 1.2), "radius_mm must be positive"),
        (((0.0, 0.0, 0.0), 5.0, 9.0), "factor must lie between 0.25 and 4"),
    ],
)
def test_growth_refuses_nonsense(values, message):
    with pytest.raises(ValueError, match=message):
        Growth(*values)


def test_rotations_turn_in_the_positive_sense():
    assert np.allclose(rotation_matrix(np.array([0.0, 0.0, 90.0])) @ [1, 0, 0], [0, 1, 0])
    assert np.allclose(rotation_matrix(np.array([90.0, 0.0, 0.0])) @ [0, 1, 0], [0, 0, 1])
    assert np.allclose(rotation_matrix(np.array([0.0, 90.0, 0.0])) @ [0, 0, 1], [1, 0, 0])
