"""Every orientation of a volume is shown in the radiological convention."""

import itertools

import numpy as np
import pytest

from lesion_tracker.report.planes import LUNG, PLANES, SOFT_TISSUE, cut, window_for
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

MIDDLE = np.array([30.0, -12.0, 440.0])
# A bright ball lies 20 mm from the middle towards the patient's left, anterior or head.
LEFT, ANTERIOR, HEAD = np.array([20.0, 0, 0]), np.array([0, -20.0, 0]), np.array([0, 0, 20.0])
ORIENTATIONS = [
    np.eye(3)[:, list(order)] * np.array(signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
]
TURN = np.radians(15)
OBLIQUE = np.array([[np.cos(TURN), -np.sin(TURN), 0], [np.sin(TURN), np.cos(TURN), 0], [0, 0, 1]])


def volume_with_ball(offset_mm, direction) -> Volume:
    size, spacing = (36, 30, 28), np.array([2.0, 2.5, 3.0])
    matrix = np.eye(4)
    matrix[:3, :3] = direction * spacing
    matrix[:3, 3] = MIDDLE - matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    grid = Grid(size, matrix)
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    near = np.linalg.norm(points - MIDDLE - offset_mm, axis=1) < 6
    return Volume(np.where(near, 1000, 0).reshape(grid.shape).astype(np.int16), grid)


def brightest_mm(hu: np.ndarray, width_mm: float) -> np.ndarray:
    """Return where the bright pixels lie to the right of and below the middle, mm."""
    rows, columns = np.nonzero(hu > 500)
    step = width_mm / len(hu)
    return (np.array([columns.mean(), rows.mean()]) - (len(hu) - 1) / 2) * step


@pytest.mark.parametrize("direction", [*ORIENTATIONS, *(OBLIQUE @ o for o in ORIENTATIONS[::7])])
def test_left_is_right_and_anterior_and_head_are_up(direction):
    axial, coronal, sagittal = PLANES
    for plane, offset_mm, expected in [
        (axial, LEFT, (20, 0)),
        (axial, ANTERIOR, (0, -20)),
        (coronal, LEFT, (20, 0)),
        (coronal, HEAD, (0, -20)),
        (sagittal, ANTERIOR, (-20, 0)),
        (sagittal, HEAD, (0, -20)),
    ]:
        hu = cut(volume_with_ball(offset_mm, direction), plane, MIDDLE, 60.0, 60)
        assert np.abs(brightest_mm(hu, 60.0) - expected).max() < 1.0  # a third of a slice
        assert plane.offset_mm(MIDDLE, MIDDLE + offset_mm) == pytest.approx(expected)


@pytest.mark.parametrize("pixels", [60, 61])
def test_the_point_lies_in_the_middle(pixels):
    hu = cut(volume_with_ball(np.zeros(3), np.eye(3)), PLANES[0], MIDDLE, 60.0, pixels)
    assert np.abs(brightest_mm(hu, 60.0)).max() < 0.5


def test_beyond_the_volume_the_picture_is_black():
    hu = cut(volume_with_ball(np.zeros(3), np.eye(3)), PLANES[0], MIDDLE, 200.0, 50)
    for window in (LUNG, SOFT_TISSUE):
        assert window.gray(hu)[0].max() == 0


def test_a_window_maps_its_ends_to_black_and_white():
    gray = SOFT_TISSUE.gray(np.array([-160.0, 40.0, 240.0, 2000.0, -1000.0]))
    assert list(gray) == [0, 127, 255, 255, 0]


def around(rim_hu: float) -> Volume:
    grid = Grid.from_parts((40, 40, 40), np.full(3, 2.0), MIDDLE - 39.0, np.eye(3))
    z, y, x = np.meshgrid(*(np.arange(40) * 2.0 - 39.0,) * 3, indexing="ij")
    return Volume(np.where(x**2 + y**2 + z**2 < 100, 40.0, rim_hu).astype(np.float32), grid)


@pytest.mark.parametrize(
    ("rim_hu", "window"),
    [(-850.0, LUNG), (60.0, SOFT_TISSUE), (-100.0, SOFT_TISSUE), (-1000.0, SOFT_TISSUE)],
    ids=["lung", "liver", "fat", "air outside of the body"],
)
def test_the_window_fits_what_lies_round_the_lesion(rim_hu, window):
    assert window_for(around(rim_hu), MIDDLE, 10.0) == window
