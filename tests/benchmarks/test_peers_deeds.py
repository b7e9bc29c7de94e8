"""The DEEDS adapter against programs that this test writes: they shift by a known number of voxels."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import deeds
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.records.lesion import Lesion
from tests.tracking import made_pair

SHIFT = (3, -2, 1)
"""Voxels along x, y, z from the fixed to the moving image."""

COMMON = """#!{python}
import sys
from pathlib import Path
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
"""
LINEAR = """
assert Path(words["-F"]).exists() and Path(words["-M"]).exists()
Path(words["-O"] + "_matrix.txt").write_text("1 0 0 0\\n0 1 0 0\\n0 0 1 0\\n0 0 0 1\\n")
"""
DEFORM = """
assert Path(words["-A"]).exists()
Path(words["-O"] + "_displacements.dat").write_text("{shift}")
"""
APPLY = """
import numpy as np, SimpleITK as sitk
x, y, z = eval(Path(words["-O"] + "_displacements.dat").read_text())
image = sitk.GetArrayFromImage(sitk.ReadImage(words["-M"]))
k, j, i = np.indices(image.shape)
k, j, i = k + z, j + y, i + x
inside = (k >= 0) & (j >= 0) & (i >= 0) & (k < image.shape[0]) & (j < image.shape[1]) & (i < image.shape[2])
warped = np.zeros(image.shape, np.float32)
warped[inside] = image[k[inside], j[inside], i[inside]]
sitk.WriteImage(sitk.GetImageFromArray(warped), words["-D"])
"""


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(COMMON.format(python=sys.executable) + body)
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder, "linearBCV", LINEAR)
    program(folder, "deedsBCV", DEFORM.format(shift=SHIFT))
    program(folder, "applyBCVfloat", APPLY)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def empty(tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_where_a_voxel_comes_from_is_read_off(programs, empty):
    image = np.random.default_rng(0).normal(size=(8, 9, 10)).astype(np.float32)
    found = deeds.displacement(image, image, empty)
    assert found.shape == (8, 9, 10, 3)
    assert np.allclose(found, SHIFT)  # also where voxels come from outside: the nearest known displacement


def test_a_lesion_is_moved_by_the_field(programs, monkeypatch):
    monkeypatch.setattr("benchmarks.peers.on_grid.register", lambda b, f, method: made_pair.identity())
    pair = made_pair.pair(made_pair.texture(), made_pair.texture())
    peer = deeds.deeds_peer()
    assert peer.slow
    points, seconds = peer.find(pair, [Lesion("a", (1.0, 2.0, 3.0), 5.0), Lesion("b", (9.0, -8.0, 5.0), 5.0)])
    expected = np.array([[1.0, 2.0, 3.0], [9.0, -8.0, 5.0]]) + 2.0 * np.array(SHIFT)  # voxels of 2 mm
    assert np.allclose(points, expected, atol=1e-3)
    assert seconds.further < seconds.first


def test_without_the_programs_the_row_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "linearBCV, deedsBCV, applyBCVfloat not on PATH" in deeds.deeds_peer().lacking


def test_a_program_that_fails_is_quoted(programs, empty):
    program(programs, "deedsBCV", 'sys.exit("Inconsistent image sizes")')
    with pytest.raises(RegistrationFailed, match="deedsBCV ended with 1: Inconsistent image sizes"):
        deeds.displacement(np.zeros((4, 4, 4), np.float32), np.zeros((4, 4, 4), np.float32), empty)


def test_a_map_to_nowhere_is_a_failure(programs, empty):
    program(programs, "deedsBCV", DEFORM.format(shift=(50, 0, 0)))
    with pytest.raises(RegistrationFailed, match="outside of the follow-up"):
        deeds.displacement(np.ones((4, 4, 4), np.float32), np.ones((4, 4, 4), np.float32), empty)
