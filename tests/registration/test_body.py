"""The body mask: the body with its lungs and arms, without table, also where the table touches, also in slabs."""

import numpy as np
import pytest

from benchmarks.registration.crops import FAR_MM, box, circle_of, field_round, left_of, right_of
from lesion_tracker.registration.body import TISSUE_HU, body_mask, tissue_from, wipe_outside
from lesion_tracker.registration.working import WorkingImage, working_image
from lesion_tracker.volumes.volume import Volume
from tests.registration.phantom import body_hu, study

SPACING = 4.0


def masks(volume: Volume) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mask found, the true body, and the LPS points of all voxels."""
    image = working_image(volume, SPACING)
    k, j, i = np.indices(image.hu.shape).reshape(3, -1)
    points = image.grid.lps_from_indices(np.stack([i, j, k], axis=1))
    return body_mask(image.hu, SPACING), true_body(image), points


def true_body(image: WorkingImage) -> np.ndarray:
    k, j, i = np.indices(image.hu.shape).reshape(3, -1)
    x, y, z = image.grid.lps_from_indices(np.stack([i, j, k], axis=1)).T
    taper = 1.0 - 0.15 * np.cos(np.pi * z / 300.0)
    return ((x / (150.0 * taper)) ** 2 + (y / (100.0 * taper)) ** 2 < 1.0).reshape(image.hu.shape)


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


def field(volume: Volume, low: tuple[float, float], high: tuple[float, float]) -> Volume:
    return box(volume, np.array([*low, -FAR_MM]), np.array([*high, FAR_MM]))


CUTS = {
    "right half": lambda v: right_of(v, 0.0),
    "left half": lambda v: left_of(v, 0.0),
    "left lung cut along its middle": lambda v: right_of(v, 65.0),
    "220 mm field in the middle": lambda v: field_round(v, np.array([0.0, 0.0, 150.0])),
    "200 mm field round the left lung": lambda v: field_round(v, np.array([70.0, 0.0, 150.0]), 200.0),
    "in front, no wall at the back": lambda v: field(v, (-FAR_MM, -FAR_MM), (FAR_MM, 0.0)),
    "round, -1000": lambda v: circle_of(v, np.array([40.0, 0.0, 150.0]), 220.0, -1000),
    "round, -2000": lambda v: circle_of(v, np.array([40.0, 0.0, 150.0]), 220.0, -2000),
    "round, 0": lambda v: circle_of(v, np.array([40.0, 0.0, 150.0]), 220.0, 0),
    "slab in the left half": lambda v: box(v, np.array([0.0, -FAR_MM, 200.0]), np.array([FAR_MM, FAR_MM, 240.0])),
    "table at the edge": lambda v: field(v, (-FAR_MM, -FAR_MM), (FAR_MM, 130.0)),
}


@pytest.mark.parametrize("cut", CUTS)
def test_finds_the_body_where_the_field_of_view_cuts_it(cut):
    volume = CUTS[cut](study())
    image = working_image(volume, SPACING)
    found = body_mask(image.hu, SPACING, image.seen)
    truth = true_body(image) & image.seen
    assert dice(found, truth) > 0.95
    assert not (found & ~image.seen).any()


@pytest.mark.parametrize("air_hu", [-940, -1000])
def test_emphysema_and_pneumothorax_open_at_the_edge_belong_to_the_body(air_hu):
    volume = study()
    lung = (volume.hu < -700) & (volume.hu > -930)
    volume = right_of(Volume(np.where(lung, np.int16(air_hu), volume.hu), volume.grid), 65.0)
    image = working_image(volume, SPACING)
    assert dice(body_mask(image.hu, SPACING, image.seen), true_body(image) & image.seen) > 0.95


def test_bowel_gas_at_the_edge_belongs_to_the_body():
    volume = study((0.0, 100.0))
    hu = np.array(volume.hu)
    hu[8:16, 28:40, 40:60] = -1000  # 32 x 48 x 80 mm, cut through at x = 28 mm
    image = working_image(right_of(Volume(hu, volume.grid), 28.0), SPACING)
    assert body_mask(image.hu, SPACING, image.seen)[9:15, 30:38, 44:50].all()


def test_an_arm_cut_off_stays_and_the_air_beside_the_trunk_in_front_does_not():
    volume = study(table_mm=None)
    hu = np.array(volume.hu)
    hu[:, 20:40, 0:3] = 40  # what the field shows of an arm: 12 mm along its edge
    image = working_image(Volume(hu, volume.grid), SPACING)
    found = body_mask(image.hu, SPACING, image.seen)
    assert found[20:60, 24:36, 1].mean() > 0.95
    assert not found[:, :3].any()  # the body begins at y = -115 mm, the fourth row


@pytest.mark.parametrize("filling", [-2000, -1000])
def test_lungs_cut_out_of_a_study_are_the_body(filling):
    volume = study()
    lung = (volume.hu < -700) & (volume.hu > -930)
    image = working_image(Volume(np.where(lung, volume.hu, np.int16(filling)), volume.grid), SPACING)
    truth = working_image(Volume(np.where(lung, np.int16(0), np.int16(-1000)), volume.grid), SPACING).hu > -500
    assert dice(body_mask(image.hu, SPACING, image.seen), truth) > 0.85


def test_values_that_are_not_hu_hold_a_body_too():
    volume = study()
    hu = np.where(volume.hu > -950, volume.hu * 0.8 - 330.0, volume.hu).astype(np.int16)  # soft tissue from -450 on
    image = working_image(Volume(hu, volume.grid), SPACING)
    assert tissue_from(image.hu[image.seen]) < -500.0
    assert dice(body_mask(image.hu, SPACING, image.seen), true_body(image)) > 0.95
    assert tissue_from(working_image(study(), SPACING).hu) == TISSUE_HU
