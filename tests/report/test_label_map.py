"""Spheres lie where the tracks say, on exactly the follow-up's grid."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.track import Track
from lesion_tracker.report.label_map import sphere_label_map, write_label_map
from lesion_tracker.volumes.grid import Grid

ALONG_LPS = np.eye(3)
DIRECTIONS = [
    np.eye(3)[:, list(order)] * np.array(signs)
    for order in itertools.permutations(range(3))
    for signs in ((1.0, 1.0, 1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0))
]


def grid_of(direction=ALONG_LPS, spacing=(0.8, 1.0, 2.5)) -> Grid:
    return Grid.from_parts((60, 50, 24), np.array(spacing), np.array([-20.0, 33.0, 500.0]), direction)


def track(lesion_id, center_mm, radius_mm=7.0, state="found") -> Track:
    center = tuple(float(v) for v in center_mm)
    return Track(lesion_id, "b", "f", center, radius_mm, 0.9, state, center, "affine")


def at(grid, *index) -> np.ndarray:
    return grid.lps_from_indices(np.array([index], dtype=float))[0]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_ball_has_its_center_and_its_volume(direction):
    grid = grid_of(direction)
    center = at(grid, 30.3, 24.6, 11.4)
    labels = sphere_label_map(grid, [track("a", center)], {"a": 3})
    assert labels.dtype == np.uint8
    assert labels.shape == grid.shape
    k, j, i = np.nonzero(labels == 3)
    points = grid.lps_from_indices(np.stack([i, j, k], axis=1))
    assert np.linalg.norm(points - center, axis=1).max() <= 7.0
    assert np.abs(points.mean(axis=0) - center).max() < 0.3
    assert len(i) * 0.8 * 1.0 * 2.5 == pytest.approx(4 / 3 * np.pi * 7.0**3, rel=0.05)
    assert set(np.unique(labels)) == {0, 3}


def test_the_definition_voxel_by_voxel():
    grid = grid_of()
    tracks = [
        track("a", at(grid, 20, 20, 10), 9.0),
        track("b", at(grid, 32, 22, 12), 9.0),
        track("c", at(grid, 2, 2, 1)),
    ]
    labels = sphere_label_map(grid, tracks, {"a": 1, "b": 2, "c": 7})
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(float))
    distance = np.stack([np.linalg.norm(points - np.array(t.center_mm), axis=1) for t in tracks])
    inside = distance <= np.array([[9.0], [9.0], [7.0]])
    nearest = np.where(inside, distance, np.inf).argmin(axis=0)
    expected = np.where(inside.any(axis=0), np.array([1, 2, 7])[nearest], 0)
    assert np.array_equal(labels.ravel(), expected)


def test_a_tiny_lesion_has_at_least_one_voxel():
    grid = grid_of(spacing=(4.0, 4.0, 5.0))
    center = at(grid, 10.4, 10.4, 10.4)
    labels = sphere_label_map(grid, [track("a", center, 0.5)], {"a": 1})
    assert np.argwhere(labels).tolist() == [[10, 10, 10]]


def test_a_tiny_lesion_inside_a_large_one_is_not_lost():
    grid = grid_of(spacing=(4.0, 4.0, 5.0))
    large, tiny = track("a", at(grid, 10, 10, 10), 20.0), track("b", at(grid, 10.3, 10.3, 10.3), 0.5)
    for order in ([large, tiny], [tiny, large]):
        assert (sphere_label_map(grid, order, {"a": 1, "b": 2}) == 2).any()


def test_what_lies_outside_is_not_drawn():
    grid = grid_of()
    gone = [track("a", at(grid, 80, 20, 10)), track("b", at(grid, 20, 20, 10), state="outside")]
    assert not sphere_label_map(grid, gone, {"a": 1, "b": 2}).any()
    assert not sphere_label_map(grid, [], {}).any()


def test_a_ball_at_the_edge_is_cut():
    grid = grid_of()
    labels = sphere_label_map(grid, [track("a", at(grid, 0, 0, 0))], {"a": 1})
    assert labels[0, 0, 0] == 1
    assert not labels[:, :, -20:].any()


@pytest.mark.parametrize("values", [{}, {"a": 0}, {"a": 256}])
def test_a_lesion_needs_a_value(values):
    grid = grid_of()
    with pytest.raises(ValueError, match="lesion 'a' needs a value between 1 and 255"):
        sphere_label_map(grid, [track("a", at(grid, 20, 20, 10))], values)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("direction", DIRECTIONS[::4])
def test_the_file_has_exactly_the_grid(tmp_path, direction, compress):
    grid = grid_of(direction, (0.703125, 0.703125, 2.5))
    labels = sphere_label_map(grid, [track("a", at(grid, 20, 20, 10))], {"a": 4})
    path = tmp_path / "tracks.nrrd"
    write_label_map(labels, grid, path, compress)
    image = sitk.ReadImage(str(path))
    assert image.GetPixelID() == sitk.sitkUInt8
    assert image.GetSize() == grid.size
    assert np.allclose(image.GetSpacing(), grid.spacing_mm, rtol=0, atol=1e-9)
    assert np.allclose(image.GetOrigin(), grid.origin_mm, rtol=0, atol=1e-9)
    assert np.allclose(image.GetDirection(), direction.ravel(), rtol=0, atol=1e-12)
    assert np.array_equal(sitk.GetArrayFromImage(image), labels)
    assert [file.name for file in tmp_path.iterdir()] == ["tracks.nrrd"]
    header = path.read_bytes().split(b"\n\n")[0]
    assert (b"encoding: raw" in header) != compress


def test_a_file_that_cannot_be_written_says_so(tmp_path):
    grid = grid_of()
    labels = np.zeros(grid.shape, dtype=np.uint8)
    with pytest.raises(FileFormatError, match="cannot be written"):
        write_label_map(labels, grid, tmp_path / "none" / "tracks.nrrd")
    with pytest.raises(FileFormatError, match="its grid says"):
        write_label_map(labels[1:], grid, tmp_path / "tracks.nrrd")
