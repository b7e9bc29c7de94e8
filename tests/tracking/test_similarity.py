"""How alike two places are: the same place, another place, and a place that was not scanned."""

import numpy as np

from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.tracking.similarity import hu_at, patch_points, patch_similarity, shifted_map
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SHIFT = np.array([6.0, -4.0, 8.0])


def _study(offset: np.ndarray) -> Volume:
    hu = np.random.default_rng(3).normal(0, 150, (40, 50, 60))
    grid = Grid.from_parts((60, 50, 40), np.array([2.0, 2.0, 3.0]), offset, np.eye(3))
    return Volume(hu.astype(np.float32), grid)


BASELINE, FOLLOWUP = _study(np.zeros(3)), _study(SHIFT)
MOVED = FollowupFromBaseline(method="affine", matrix=np.block([[np.eye(3), SHIFT[:, None]], [np.zeros(3), np.ones(1)]]))
CENTER = np.array([60.0, 50.0, 60.0])


def test_the_same_place_is_alike_and_another_is_not() -> None:
    points = patch_points(CENTER, 8.0)
    right, share = patch_similarity(BASELINE, FOLLOWUP, points, MOVED(points))
    elsewhere, _ = patch_similarity(BASELINE, FOLLOWUP, points, shifted_map(MOVED, CENTER, CENTER + 20, points))
    assert right > 0.95
    assert share == 1.0
    assert abs(elsewhere) < 0.2


def test_a_place_beyond_the_study_is_nothing_like_it() -> None:
    points = patch_points(CENTER, 8.0)
    assert patch_similarity(BASELINE, FOLLOWUP, points, points + 1000.0) == (0.0, 0.0)


def test_a_ball_is_as_wide_as_its_lesion_and_some_surroundings() -> None:
    reach = np.linalg.norm(patch_points(CENTER, 8.0) - CENTER, axis=1).max()
    assert 15.5 < reach <= 18.0  # 1.5 * 8 + 6 mm
    assert np.linalg.norm(patch_points(CENTER, 100.0) - CENTER, axis=1).max() <= 30.0


def test_hu_are_read_between_voxels() -> None:
    grid = Grid.from_parts((4, 4, 4), np.array([1.0, 1.0, 2.0]), np.zeros(3), np.eye(3))
    ramp = np.broadcast_to(np.arange(4.0, dtype=np.float32) * 10, (4, 4, 4)).copy()
    values = hu_at(Volume(ramp, grid), np.array([[1.25, 1.0, 2.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(values, [12.5, 0.0], atol=1e-4)
