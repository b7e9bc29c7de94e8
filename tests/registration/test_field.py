"""Where a scanner saw nothing: round fields with any filling, in any order of axes; cleaned air is no such field."""

import numpy as np
import pytest

from benchmarks.registration.crops import circle_of
from lesion_tracker.registration.field import padding_of
from lesion_tracker.registration.working import working_image
from lesion_tracker.volumes.volume import Volume
from tests.registration.phantom import study, turned

CENTER = np.array([20.0, 10.0, 150.0])


def distance(volume: Volume) -> np.ndarray:
    """Return how far each voxel lies from the axis of the circle, mm."""
    k, j, i = np.indices(volume.grid.shape).reshape(3, -1)
    points = volume.grid.lps_from_indices(np.stack([i, j, k], axis=1))
    return np.hypot(points[:, 0] - CENTER[0], points[:, 1] - CENTER[1]).reshape(volume.grid.shape)


@pytest.mark.parametrize("filling", [-3024, -2000, -1000, 0])
@pytest.mark.parametrize(("axes", "flips"), [((0, 1, 2), ()), ((2, 0, 1), (0, 2)), ((1, 2, 0), (1,))])
def test_what_lies_beyond_a_round_field_was_not_scanned(filling, axes, flips):
    volume = turned(circle_of(study(), CENTER, 220.0, filling), axes, flips)
    found = padding_of(volume)
    assert found is not None
    away = distance(volume)
    assert found[away > 110.0 + 5.0].all()  # a voxel of 4 mm
    assert not found[away < 110.0 - 5.0].any()


def test_a_study_whose_air_was_cleaned_to_one_value_was_scanned_everywhere():
    volume = study()
    hu = np.where(volume.hu < -700, np.int16(-1000), volume.hu)
    assert padding_of(Volume(hu, volume.grid)) is None
    assert padding_of(volume) is None


def test_air_of_one_value_all_over_is_air():
    volume = study()
    assert padding_of(Volume(np.full(volume.hu.shape, -1000, dtype=np.int16), volume.grid)) is None


def test_a_cut_out_lung_on_minus_2000_was_scanned_only_there():
    volume = study()
    lung = (volume.hu < -700) & (volume.hu > -900)
    found = padding_of(Volume(np.where(lung, volume.hu, np.int16(-2000)), volume.grid))
    np.testing.assert_array_equal(found, ~lung)


def test_the_working_image_does_not_see_the_filling_nor_mix_it_in():
    image = working_image(circle_of(study(), CENTER, 220.0, -3024), 4.0)
    k, j, i = np.indices(image.hu.shape).reshape(3, -1)
    points = image.grid.lps_from_indices(np.stack([i, j, k], axis=1))
    away = np.hypot(points[:, 0] - CENTER[0], points[:, 1] - CENTER[1]).reshape(image.hu.shape)
    assert not image.seen[away > 115.0].any()
    assert image.seen[away < 102.0].all()
    plain = working_image(study(), 4.0)
    np.testing.assert_allclose(
        image.hu[image.seen], plain.hu[image.seen], atol=120.0
    )  # up to 5 % of a voxel is filling
