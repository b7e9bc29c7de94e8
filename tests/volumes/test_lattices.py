"""Lattices round places read what single points read, in a study of any orientation; beyond it there is air."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from lesion_tracker.volumes import lattices
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.lattices import hu_at_points, hu_round
from lesion_tracker.volumes.volume import AIR_HU, Volume

TURNED = np.array([[0.0, 0.8, -0.6], [-1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])
STUDY = Volume(
    np.random.default_rng(2).integers(-1000, 400, (24, 30, 36)).astype(np.int16),
    Grid.from_parts((36, 30, 24), np.array([0.9, 1.1, 2.0]), np.array([7.0, -20.0, 31.0]), TURNED),
)
PLACES = STUDY.grid.lps_from_indices(np.array([[16.2, 14.7, 11.1], [19.0, 13.0, 12.4]]))
STEPS = np.array([[0.9, 0.1, 0.0], [-0.1, 1.0, 0.2], [0.0, -0.2, 1.1]])


def by_definition(points_mm: np.ndarray) -> np.ndarray:
    index = STUDY.grid.indices_from_lps(points_mm)[:, ::-1].T
    return np.asarray(ndimage.map_coordinates(STUDY.hu.astype(np.float64), index, order=1))


def points_round(place_mm: np.ndarray, count: int) -> np.ndarray:
    z, y, x = np.indices((2 * count + 1,) * 3).reshape(3, -1) - count
    return np.asarray(place_mm + np.stack([x, y, z], axis=1) @ STEPS.T)


def test_each_lattice_is_what_its_points_are() -> None:
    found = hu_round(STUDY, PLACES, STEPS, 4)
    assert found.shape == (2, 9, 9, 9)
    for one, place in zip(found, PLACES, strict=True):
        wanted = by_definition(points_round(place, 4))
        np.testing.assert_allclose(one.ravel().numpy(), wanted, atol=0.05)  # float32 places: 1e-5 of a step of 1400 HU
        np.testing.assert_allclose(hu_at_points(STUDY, points_round(place, 4)).numpy(), wanted, atol=0.05)


def test_beyond_the_study_there_is_air() -> None:
    assert torch.equal(hu_round(STUDY, PLACES[:1] + 500.0, STEPS, 2), torch.full((1, 5, 5, 5), AIR_HU))


def test_a_device_that_keeps_the_study_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("meta")  # its copy of the study is put there by hand: nothing here has memory of its own
    monkeypatch.setitem(lattices._kept, STUDY, {device: torch.from_numpy(STUDY.hu.copy())})
    box = lattices.voxels_on(STUDY, np.array([3, 4, 5]), np.array([9, 8, 7]), device)
    assert torch.equal(box, torch.from_numpy(STUDY.hu[5:7, 4:8, 3:9].astype(np.float32)))
    box.zero_()
    again = lattices.voxels_on(STUDY, np.array([3, 4, 5]), np.array([9, 8, 7]), device)
    assert torch.equal(again, torch.from_numpy(STUDY.hu[5:7, 4:8, 3:9].astype(np.float32)))
