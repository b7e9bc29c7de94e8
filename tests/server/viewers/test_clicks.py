"""Clicks of the viewers to LPS mm, in all 48 orientations."""

import itertools
from typing import Any

import numpy as np
import pytest

from lesion_tracker.errors import InputError, PointOutsideError
from lesion_tracker.server.viewers.clicks import Click, clicks_of, lps_from_click
from lesion_tracker.volumes.grid import Grid

SLICER = {
    "lesion_1": [[1, 2, 3], [4, 5, 6]],
    "lesion_2": [],
    "label": "lesion_1",
    "patient": "",
    "result_extension": ".nrrd",
    "result_dtype": "uint8",
    "client_id": "user-xyz",
}
OHIF = {"background": [], "lesion_3": [[7, 8, 9]], "restore_label_idx": False, "result_compress": False}


def test_the_last_click_counts_and_an_empty_list_says_nothing() -> None:
    assert clicks_of(SLICER, {"patient"}) == ([Click("lesion_1", (4.0, 5.0, 6.0))], [])


def test_ohifs_clicks() -> None:
    assert clicks_of(OHIF, set()) == ([Click("lesion_3", (7.0, 8.0, 9.0))], [])


def test_foreground_with_a_label_is_a_click() -> None:
    params = {"label": "lesion_2", "foreground": [[1, 2, 3]], "background": []}
    assert clicks_of(params, set()) == ([Click("lesion_2", (1.0, 2.0, 3.0))], [])


def test_a_label_of_the_readers_own_is_a_lesion_too() -> None:
    assert clicks_of({"node left": [[1, 2, 3]]}, set())[0] == [Click("node left", (1.0, 2.0, 3.0))]


def test_unknown_keys_are_named() -> None:
    assert clicks_of({"baselin_image": "x", "lesion_1": []}, set()) == ([], ["baselin_image"])


@pytest.mark.parametrize(
    "value", [[1, 2, 3], [[1, 2]], [[1, 2, "3"]], [[1, 2, None]], [[1, 2, float("nan")]], [[1, 2, True]]]
)
def test_what_is_no_click_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="voxel indices"):
        clicks_of({"lesion_1": value}, set())


ORIENTATIONS = [
    (axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1.0, -1.0), repeat=3)
]


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_a_click_is_where_the_header_says(axes: tuple[int, ...], signs: tuple[float, ...]) -> None:
    spacing, origin = (0.7, 0.8, 2.5), np.array([-120.5, 33.25, -411.0])
    direction = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        direction[axis, column] = sign
    grid = Grid.from_parts((20, 30, 40), np.array(spacing), origin, direction)
    expected = origin.copy()
    for column, voxel in enumerate((3, 5, 7)):
        expected[axes[column]] += signs[column] * spacing[column] * voxel
    np.testing.assert_allclose(lps_from_click(Click("a", (3.0, 5.0, 7.0)), grid, "s"), expected, atol=1e-9)


@pytest.mark.parametrize("index", [(20.0, 5.0, 5.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 40.0)])
def test_a_click_outside_names_the_volume(index: tuple[float, float, float]) -> None:
    grid = Grid.from_parts((20, 30, 40), np.ones(3), np.zeros(3), np.eye(3))
    with pytest.raises(PointOutsideError, match=r"outside study 's', which has voxels \(0, 0, 0\) to \(19, 29, 39\)"):
        lps_from_click(Click("lesion_1", index), grid, "s")
