"""The body mask: the body with its lungs and arms, without table, also where the table touches, also in slabs."""

import numpy as np
import pytest

from lesion_tracker.registration.body import body_mask, wipe_outside
from lesion_tracker.registration.working import working_image
from lesion_tracker.volumes.volume import Volume
from tests.registration.phantom import body_hu, study

SPACING = 4.0


def masks(volume: Volume) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mask found, the true body, and the LPS points of all voxels."""
    image = working_image(volume, SPACING)
    k, j, i = np.indices(image.hu.shape).reshape(3, -1)
    points = image.grid.lps_from_indices(np.stack([i, j, k], axis=1))
    x, y, z = points.T
    taper = 1.0 - 0.15 * np.cos(np.pi * z / 300.0)
    truth = ((x / (150.0 * taper)) ** 2 + (y / (100.0 * taper)) ** 2 < 1.0).reshape(image.hu.shape)
    return body_mask(image.hu, SPACING), truth, points


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.mark.parametrize("table_mm", [None, 125.0, 99.0])
@pytest.mark.parametrize("z_mm", [(0.0, 300.0), (120.0, 155.0)])
def test_finds_the_body_and_no_table(table_mm, z_mm):
    found, truth, points = masks(study(z_mm, table_mm=table_mm))
    assert dice(found, truth) > 0.95
    behind = (points[:, 1] > 116.0).reshape(found.shape) & ~truth
    assert not (found & behind).any()


def test_the_lungs_belong_to_the_body():
    found, _, points = masks(study())
    lung = (body_hu(points) < -800).reshape(found.shape)
    inner = (np.abs(points[:, 0]) < 110).reshape(found.shape) & (np.abs(points[:, 1]) < 60).reshape(found.shape)
    assert found[lung & inner].mean() > 0.98


def test_an_arm_beside_the_body_stays():
    volume = study(table_mm=None)
    hu = np.array(volume.hu)
    hu[10:70, 60:68, 2:12] = 40  # 240 mm long, 40 x 32 mm, apart from the trunk
    found, _, _ = masks(Volume(hu, volume.grid))
    assert found[20:60, 62:66, 4:10].mean() > 0.95


def test_a_cable_does_not_stay():
    volume = study(table_mm=None)
    hu = np.array(volume.hu)
    hu[:, 1:2, 10:12] = 300
    found, _, _ = masks(Volume(hu, volume.grid))
    assert not found[:, :, :14].any(axis=(0, 2))[:8].any()


def test_air_alone_holds_no_body():
    assert not body_mask(np.full((8, 20, 20), -1000.0, dtype=np.float32), SPACING).any()


def test_wiping_leaves_the_body_and_its_skin():
    image = working_image(study(), SPACING)
    body = body_mask(image.hu, SPACING)
    wiped = wipe_outside(image.hu, body, -1000.0)
    np.testing.assert_array_equal(wiped[body], image.hu[body])
    assert (wiped[:, -8:, :] == -1000.0).all()  # where the table was
