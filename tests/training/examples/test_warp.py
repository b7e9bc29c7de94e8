"""Warps: the inverse undoes them, regions move as far as they say, lesions grow round their centre."""

import numpy as np
import pytest

from lesion_tracker.training.examples.augmentation import random_warp
from lesion_tracker.training.examples.warp import (
    Bump,
    Swelling,
    Warp,
    moving_region,
    pose,
    random_bumps,
    rotation_matrix,
)

CENTER = np.array([40.0, -20.0, 300.0])


def mm(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize("seed", range(6))
def test_the_inverse_undoes_pose_bending_and_a_moved_region(seed: int) -> None:
    rng = np.random.default_rng(seed)
    region = moving_region(rng, CENTER, 15.0, 45.0)
    warp = Warp(pose(CENTER, rng.uniform(-10, 10, 3), 1.15), (*random_bumps(rng, CENTER, 80.0, 9.0)[:4], region))
    points = CENTER + rng.uniform(-60, 60, (50, 3))
    try:
        there = warp.inverse(points)
    except ValueError:
        pytest.skip("this draw folds; training draws another one")
    assert np.abs(warp(there) - points).max() < 1e-3  # the tolerance of Newton's method


def test_a_fold_shows_in_the_volume_change() -> None:
    fold = Warp(np.eye(4), (Bump(CENTER, mm(200.0, 0, 0), 10.0),))
    assert fold.volume_change(CENTER + np.array([[10.0, 0, 0], [-10.0, 0, 0]])).min() < 0


def test_a_pose_turns_about_its_centre_and_enlarges_the_followup() -> None:
    warp = Warp(pose(CENTER, np.array([0.0, 0.0, 90.0]), 2.0))
    assert warp(CENTER[None])[0] == pytest.approx(CENTER)
    # 10 mm along x in the follow-up is 5 mm along y in the baseline
    assert warp((CENTER + mm(10.0, 0, 0))[None])[0] == pytest.approx(CENTER + mm(0, 5.0, 0))


def test_rotations_are_about_x_then_y_then_z() -> None:
    matrix = rotation_matrix(np.array([90.0, 0.0, 90.0]))
    assert matrix @ [0, 1, 0] == pytest.approx([0, 0, 1])  # y to z about x; z stays about z
    assert matrix @ [1, 0, 0] == pytest.approx([0, 1, 0])


def test_a_swelling_grows_the_lesion_and_keeps_its_centre_and_the_distance() -> None:
    warp = Warp(np.eye(4), (), (Swelling(CENTER, 5.0, 2.0),))
    assert warp(CENTER[None])[0] == pytest.approx(CENTER)
    assert warp((CENTER + mm(0.1, 0, 0))[None])[0] == pytest.approx(CENTER + mm(0.05, 0, 0), abs=1e-3)
    assert warp((CENTER + mm(80.0, 0, 0))[None])[0] == pytest.approx(CENTER + mm(80.0, 0, 0), abs=1e-6)


def test_volume_change_is_the_determinant_of_the_slopes() -> None:
    warp = Warp(pose(CENTER, np.array([3.0, 5.0, 8.0]), 1.25))
    assert warp.volume_change(CENTER[None])[0] == pytest.approx(1.25**-3, rel=1e-6)


def test_the_paper_s_warps_stay_in_their_ranges_and_half_of_each_kind_take_place() -> None:
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        try:
            drawn.append(random_warp(rng, CENTER, 115.0))
        except ValueError:
            continue
    matrices = np.array([warp.baseline_from_followup[:3, :3] for warp in drawn])
    scales = np.cbrt(1 / np.linalg.det(matrices))
    angles = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert np.allclose(matrices[:, 2, :2], 0)  # axial plane only
    assert 0.75 <= scales.min() < 0.8
    assert 1.2 < scales.max() <= 1.25
    assert 9 < np.abs(angles).max() <= 10
    for happened in (np.abs(angles) > 1e-9, np.abs(scales - 1) > 1e-9, np.array([bool(w.bumps) for w in drawn])):
        assert 0.4 < happened.mean() < 0.6
