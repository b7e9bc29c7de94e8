"""A textured follow-up that is a known shift, turn and stretch of its baseline, with lesions that stay, fade or vanish."""

import numpy as np
from scipy import ndimage

from lesion_tracker.records.lesion import Lesion
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SPACING = np.array([1.5, 1.5, 2.0])
SIZE = (72, 72, 60)


def texture(seed: int = 0) -> np.ndarray:
    """Soft tissue with structures of some millimetres, HU, on the array (z, y, x) of `SIZE`."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=SIZE[::-1]), (2.0, 3.0, 3.0))
    return np.asarray(40.0 + 90.0 * smooth / smooth.std(), dtype=np.float32)


def grid() -> Grid:
    """The lattice of both studies, its middle at (0, 0, 0) LPS."""
    return Grid.from_parts(SIZE, SPACING, -(np.array(SIZE) - 1) / 2 * SPACING, np.eye(3))


def moved(hu: np.ndarray, shift_mm: np.ndarray, linear: np.ndarray | None = None) -> np.ndarray:
    """Return the array whose point linear · x + shift shows what `hu` shows at x, LPS mm round the middle."""
    lattice = grid()
    k, j, i = np.indices(hu.shape)
    points = lattice.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    back = (points - shift_mm) @ np.linalg.inv(np.eye(3) if linear is None else linear).T
    index = lattice.indices_from_lps(back)[:, ::-1].T
    return np.asarray(ndimage.map_coordinates(hu, index, order=1, mode="nearest").reshape(hu.shape))


def with_ball(hu: np.ndarray, center_mm: np.ndarray, radius_mm: float, value: float) -> np.ndarray:
    """Draw a ball of one density."""
    lattice = grid()
    k, j, i = np.indices(hu.shape)
    points = lattice.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    inside = np.linalg.norm(points - center_mm, axis=1).reshape(hu.shape) <= radius_mm
    return np.where(inside, np.float32(value), hu)


def pair(baseline: np.ndarray, followup: np.ndarray) -> Pair:
    """Both arrays as studies on one lattice."""
    return Pair(Volume(baseline, grid()), Volume(followup, grid()), "old", "new")


def identity() -> FollowupFromBaseline:
    """A registration that expects everything where it was."""
    return FollowupFromBaseline("affine", np.eye(4), quality={"local_ncc": 0.9})


def case(pair: Pair, center_mm: np.ndarray, radius_mm: float, expected_mm: np.ndarray | None = None) -> Case:
    """A lesion of a pair, expected where it was."""
    x, y, z = (float(value) for value in center_mm)
    lesion = Lesion("lesion_1", (x, y, z), radius_mm)
    expected = np.array(center_mm, dtype=np.float64) if expected_mm is None else expected_mm
    return Case(pair, identity(), lesion, expected, radius_mm)
