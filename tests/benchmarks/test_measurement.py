"""The benchmark of measurements: true outlines are those of the bodies drawn, and the page says what was missed."""

from typing import Any

import numpy as np
import pytest

from benchmarks.constructed.implants import implant_pair
from benchmarks.constructed.places import Places
from benchmarks.measurement.cases import Case
from benchmarks.measurement.page import page
from benchmarks.measurement.run import dice
from lesion_tracker.measurement.axes import axes_of, rings
from lesion_tracker.measurement.measure import measure
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.measurement.bodies import ellipsoid


def _record(kind: str, found: float, check: str = "", true: float = 20.0) -> dict[str, Any]:
    return {
        "name": f"a/{kind}",
        "kind": kind,
        "true_mm": [true, 10.0],
        "found_mm": [found, 10.0],
        "dice": 0.9,
        "check": check,
        "seconds": 0.2,
    }


def _page(*clicks: dict[str, Any]) -> str:
    growth = [{"helped_error_mm": 1.0, "alone_error_mm": 3.0, "helped_off": 0.1, "alone_off": 0.4}]
    return page({"clicks": list(clicks), "growth": growth})


def test_the_page_says_what_was_reached_and_what_was_missed() -> None:
    text = _page(_record("mask", 21.0), _record("lung", 23.0), _record("soft", 40.0, "faint"), _record("soft", 20.0))
    assert "| six masks, 1 clicks | long axis within 20 % | ≥ 85 % | 100 % | reached |" in text
    assert "| lung, 1 clicks | mean error of the long axis | ≤ 1.5 mm | 3.00 mm | **missed** |" in text
    assert "| long axis more than 30 % off | ≤ 20 % | 50 % | **missed** |" in text
    assert "| of those more than 30 % off | ≥ 80 % | 1 of 1 (100 %) | reached |" in text
    assert "| of the others | ≤ 15 % | 0 of 3 (0 %) | reached |" in text
    assert "| 1.00 mm | reached |" in text


@pytest.mark.parametrize("is_lung", [True, False])
def test_an_implant_is_there_as_its_truth_says_in_both_scans(is_lung: bool) -> None:
    hu = -850.0 if is_lung else 60.0
    grid = Grid.from_parts((130, 130, 60), np.array([1.0, 1.0, 2.5]), np.array([-65.0, -65.0, -75.0]), np.eye(3))
    volume = Volume(np.full(grid.shape, hu, dtype=np.float32), grid)
    middle = np.zeros((1, 3))
    coarse = Grid.from_parts((2, 2, 2), np.full(3, 8.0), np.full(3, -4.0), np.eye(3))
    flat = np.ones(coarse.shape)
    places = Places(coarse, hu * flat, 30.0 * flat, 15.0 * flat, middle)
    pair = implant_pair(volume, places, is_lung, np.random.default_rng(3))
    for one in pair:
        inside, outside = one.cover > 0.95, one.cover < 0.05
        seen = one.volume.hu
        assert abs(np.median(seen[inside]) - np.median(seen[outside])) > 20
        points = one.volume.grid.lps_from_indices(np.argwhere(one.cover > 0.5)[:, ::-1].astype(float))
        away = np.linalg.norm(points - one.center_mm, axis=1)
        # its farthest point lies a radius away: a voxel's centre at most half of its diagonal less, or a soft edge more
        assert away.max() == pytest.approx(one.radius_mm, abs=3.0)
        assert points.mean(axis=0) == pytest.approx(one.center_mm, abs=1.5)
    assert 0.55 < pair[1].radius_mm / pair[0].radius_mm < 1.75


def test_a_measurement_is_scored_against_the_voxels_of_the_truth() -> None:
    volume, middle = ellipsoid((9.0, 9.0, 9.0))
    inside, _ = ellipsoid((9.0, 9.0, 9.0), inside=1.0, outside=0.0, noise=0.0)
    truth = Volume(inside.hu, volume.grid)
    case = Case("a", "lung", volume, truth, axes_of(rings(truth)), middle, 9.0)
    assert case.axes.long_axis_mm == pytest.approx(18.0, abs=0.5)
    assert dice(case, measure(volume, middle)) > 0.9
    clicks = case.clicks(50, np.random.default_rng(0))
    assert np.linalg.norm(clicks - middle, axis=1).max() <= 0.25 * 9.0
