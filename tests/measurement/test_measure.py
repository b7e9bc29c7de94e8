"""Measurements of bodies whose axes are known, in studies that lie any way round."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from lesion_tracker.errors import PointOutsideError
from lesion_tracker.measurement.cover import cover_of
from lesion_tracker.measurement.measure import measure, radius_at
from lesion_tracker.measurement.prior import prior_of_outline
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.measurement.bodies import ellipsoid

KINDS = [(40.0, -800.0), (120.0, 40.0), (40.0, 120.0)]
"""Inside and outside, HU: a nodule in lung, a bright and a dark lesion in an organ."""


@pytest.mark.parametrize("radius_mm", [4.0, 7.0, 12.0, 22.0])
@pytest.mark.parametrize(("inside", "outside"), KINDS)
def test_a_ball_is_measured_within_a_tenth(radius_mm: float, inside: float, outside: float) -> None:
    volume, middle = ellipsoid((radius_mm,) * 3, inside=inside, outside=outside)
    found = measure(volume, middle)
    assert found.long_axis_mm == pytest.approx(2 * radius_mm, rel=0.1, abs=0.7)
    assert found.short_axis_mm == pytest.approx(2 * radius_mm, rel=0.15, abs=1.0)
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * radius_mm**3 / 1000, rel=0.25)
    assert found.mean_hu == pytest.approx(inside, abs=abs(inside - outside) * 0.2)


@pytest.mark.parametrize("left", [13, 16, 18])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_lesion_that_the_scan_cuts_is_to_be_checked(axis: int, left: int) -> None:
    volume, middle = ellipsoid((12.0,) * 3, (1.5, 1.5, 1.5), inside=60.0, outside=-100.0)
    center = volume.grid.indices_from_lps(middle[None])[0]
    size = list(volume.grid.size)
    size[axis] = round(center[axis]) + left - 12
    kept = volume.hu[: size[2], : size[1], : size[0]]
    cut = Volume(kept, Grid((size[0], size[1], size[2]), volume.grid.lps_from_index))
    assert "end of the scan" in measure(cut, middle).check
    assert "end of the scan" not in measure(volume, middle).check


@pytest.mark.parametrize("turned_deg", [0.0, 35.0, 110.0])
def test_both_axes_of_an_ellipsoid_lie_where_they_are(turned_deg: float) -> None:
    volume, middle = ellipsoid((14.0, 8.0, 9.0), (0.8, 0.8, 2.5), turned_deg=turned_deg)
    found = measure(volume, middle)
    assert found.long_axis_mm == pytest.approx(28.0, abs=1.5)
    assert found.short_axis_mm == pytest.approx(16.0, abs=1.5)
    along = np.subtract(*found.long_ends_mm)
    along, angle = along / np.linalg.norm(along), np.radians(turned_deg)
    assert abs(along @ [np.cos(angle), np.sin(angle), 0.0]) > np.cos(np.radians(8))
    assert np.subtract(*found.short_ends_mm) @ along == pytest.approx(0.0, abs=0.02)
    assert found.center_mm == pytest.approx(middle, abs=1.0)
    assert abs(found.key_slice - middle[2]) < 2.5
    assert {ring[0][2] for ring in found.outline} >= {found.key_slice}
    for end in (*found.long_ends_mm, *found.short_ends_mm):
        assert end[2] == found.key_slice


def _orientations() -> list[np.ndarray]:
    return [
        np.eye(3)[:, list(order)] * np.array(signs)
        for order in itertools.permutations(range(3))
        for signs in itertools.product((1, -1), repeat=3)
    ]


@pytest.mark.long
def test_all_48_orientations_of_a_study_give_the_same_measurement() -> None:
    """The same voxels, stored any way round, are the same patient."""
    volume, middle = ellipsoid((9.0, 6.0, 5.0), (1.0, 1.2, 2.0), reach_mm=30.0)
    expected = measure(volume, middle)
    i, j, k = (np.arange(n) for n in volume.grid.size)
    for direction in _orientations():
        axis = np.abs(direction).argmax(axis=0)  # the study's axis along each of the new ones
        sign = direction[axis, range(3)]
        hu = volume.hu.transpose(2 - axis[2], 2 - axis[1], 2 - axis[0])
        hu = hu[tuple(slice(None, None, int(sign[2 - a])) for a in range(3))]
        first = [(n[0] if s > 0 else n[-1]) for n, s in zip(np.array([i, j, k], dtype=object)[axis], sign, strict=True)]
        start = np.zeros(3)
        start[axis] = first
        origin = volume.grid.lps_from_indices(start[None])[0]
        grid = type(volume.grid).from_parts(
            tuple(volume.grid.size[a] for a in axis), volume.grid.spacing_mm[axis], origin, direction
        )
        found = measure(Volume(hu, grid), middle)
        assert found.long_axis_mm == pytest.approx(expected.long_axis_mm, abs=0.01)
        assert found.long_ends_mm[0] == pytest.approx(expected.long_ends_mm[0], abs=0.05)


def test_an_oblique_study_is_measured_on_axial_slices() -> None:
    angle = np.radians(20)
    tilted = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    volume, middle = ellipsoid((12.0, 8.0, 8.0), (1.0, 1.0, 2.0), direction=tilted)
    found = measure(volume, middle)
    assert found.long_axis_mm == pytest.approx(24.0, abs=1.5)
    assert len({point[2] for ring in found.outline for point in ring if ring is found.outline[0]}) == 1


@pytest.mark.parametrize("offset", [(0.4, 0.0, 0.0), (0.0, -0.4, 0.2), (0.3, 0.3, -0.3)])
def test_a_click_beside_the_middle_is_enough(offset: tuple[float, float, float]) -> None:
    volume, middle = ellipsoid((9.0, 9.0, 9.0))
    assert measure(volume, middle + 9.0 * np.array(offset)).long_axis_mm == pytest.approx(18.0, abs=1.5)


def test_a_nodule_at_the_chest_wall_is_not_the_wall() -> None:
    volume, middle = ellipsoid((7.0, 7.0, 7.0), outside=-850.0)
    hu = np.array(volume.hu)
    index = volume.grid.indices_from_lps(middle[None])[0]
    hu[:, :, : int(index[0] - 6)] = 40.0  # a wall that the nodule touches
    assert measure(Volume(hu, volume.grid), middle).long_axis_mm == pytest.approx(14.0, rel=0.3)


def test_noise_alone_is_to_be_checked() -> None:
    volume, middle = ellipsoid((6.0, 6.0, 6.0), inside=40.0, outside=40.0)
    assert measure(volume, middle).check


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_a_point_anywhere_in_the_study_has_an_answer(place: float) -> None:
    volume, _ = ellipsoid((6.0, 6.0, 6.0), (1.0, 1.0, 5.0))
    corner = volume.grid.lps_from_indices(place * (np.array([volume.grid.size]) - 1.0))[0]
    found = measure(volume, corner)
    assert 0 < found.short_axis_mm <= found.long_axis_mm + 0.01 < 200


def test_nonsense_is_refused_by_name() -> None:
    volume, middle = ellipsoid((6.0, 6.0, 6.0))
    with pytest.raises(
        PointOutsideError, match=r"nothing can be measured: \(.*\) is outside the study, .* \(LPS mm\)\.$"
    ):
        measure(volume, middle + 500.0)
    with pytest.raises(ValueError, match="three finite numbers"):
        measure(volume, np.array([1.0, np.nan, 2.0]))
    with pytest.raises(ValueError, match="radius_mm must be positive, got 0"):
        measure(volume, middle, 0.0)


@pytest.mark.long
def test_a_radius_helps_to_choose_between_a_core_and_its_shell() -> None:
    """A dense core of 5 mm in a body of 14 mm: either may be meant, and the radius says which."""
    body, middle = ellipsoid((14.0, 14.0, 14.0), inside=40.0, outside=-100.0, noise=8.0)
    core, _ = ellipsoid((5.0, 5.0, 5.0), inside=60.0, outside=0.0, noise=0.0)
    volume = Volume(body.hu + core.hu, body.grid)
    small, large = measure(volume, middle, 5.0), measure(volume, middle, 14.0)
    assert small.long_axis_mm == pytest.approx(10.0, abs=2.5)
    assert large.long_axis_mm == pytest.approx(28.0, abs=2.5)


@pytest.mark.long
def test_an_earlier_outline_helps_and_never_forces() -> None:
    before, middle = ellipsoid((6.0, 6.0, 6.0))
    after, _ = ellipsoid((13.0, 13.0, 13.0))
    prior = prior_of_outline(measure(before, middle), lambda points: points)
    assert prior.radius_mm.mean() == pytest.approx(6.0, abs=0.7)
    assert measure(after, middle, prior=prior).long_axis_mm == pytest.approx(26.0, abs=1.5)  # it has grown all the same


def test_the_outline_covers_what_was_measured() -> None:
    volume, middle = ellipsoid((10.0, 8.0, 7.0), (0.9, 1.1, 2.0))
    found = measure(volume, middle)
    covered = cover_of(found, volume.grid)
    assert covered.sum() * np.prod(volume.grid.spacing_mm) / 1000 == pytest.approx(found.volume_ml, rel=0.05)
    inside = volume.grid.lps_from_indices(np.argwhere(covered)[:, ::-1].astype(float))
    assert np.linalg.norm((inside - middle) / [10, 8, 7], axis=1).max() < 1.35
    assert not cover_of(replace(found, outline=()), volume.grid).any()


def test_a_measurement_is_the_same_after_json() -> None:
    volume, middle = ellipsoid((6.0, 6.0, 6.0))
    found = measure(volume, middle)
    assert Measurement.from_json(found.to_json()) == found
    assert found.radius_mm == pytest.approx(found.long_axis_mm / 2)


@pytest.mark.long
def test_a_measurement_takes_less_than_half_a_second() -> None:
    volume, middle = ellipsoid((12.0, 9.0, 9.0), (0.7, 0.7, 2.5), reach_mm=60.0)
    measure(volume, middle)  # tables are made
    started = time.process_time()
    measure(volume, middle)
    assert time.process_time() - started < 0.5


def test_the_radius_alone_is_that_of_the_measurement() -> None:
    volume, middle = ellipsoid((9.0, 6.0, 6.0))
    assert radius_at(volume, middle) == pytest.approx(measure(volume, middle).radius_mm, abs=1e-3)
