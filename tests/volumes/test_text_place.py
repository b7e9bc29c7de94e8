"""What NRRD and MetaImage headers say of lengths and of the patient's axes is taken, or said to be missing."""

import numpy as np
import pytest

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.writer import write_volume
from tests.volumes.made import grid_along, noise, plain

PLACED = (
    "space: left-posterior-superior\nspace directions: (0.7,0,0) (0,1.3,0) (0,0,2.9)\n"
    "space origin: (-31.25,47.5,-803.75)\n"
)


def nrrd(path, fields=PLACED):
    head = f"NRRD0004\ntype: int16\nendian: little\nencoding: raw\ndimension: 3\nsizes: 6 5 4\n{fields}\n"
    path.write_bytes(head.encode() + plain().hu.astype("<i2").tobytes())
    return path


def meta(path, *left_out):
    write_volume(plain(), path)
    head, voxels = path.read_bytes().split(b"ElementDataFile = LOCAL\n")
    lines = [line for line in head.split(b"\n") if line.split(b" =")[0].decode() not in left_out]
    lines = [line for line in lines if not line.startswith(b"Compressed")]
    path.write_bytes(b"\n".join(lines) + b"ElementDataFile = LOCAL\n" + plain().hu.astype("<i2").tobytes())
    assert voxels
    return path


def test_a_complete_header_is_silent(tmp_path):
    for path in (nrrd(tmp_path / "v.nrrd"), meta(tmp_path / "v.mha")):
        volume = read_volume(path)
        assert volume.warnings == ()
        assert np.array_equal(volume.hu, plain().hu)
        assert volume.grid.equals(plain().grid)


@pytest.mark.parametrize(
    ("unit", "mm"), [("cm", 10.0), ("m", 1000.0), ("um", 0.001), ("Centimeters", 10.0), ("metre", 1000.0)]
)
def test_another_unit_is_taken_and_said(unit, mm, tmp_path):
    d, o = np.array([0.7, 1.3, 2.9]) / mm, np.array([-31.25, 47.5, -803.75]) / mm
    fields = (
        f"space: left-posterior-superior\nspace directions: ({d[0]!r},0,0) (0,{d[1]!r},0) (0,0,{d[2]!r})\n"
        f'space origin: ({o[0]!r},{o[1]!r},{o[2]!r})\nspace units: "{unit}" "{unit}" "{unit}"\n'
    )
    volume = read_volume(nrrd(tmp_path / "v.nrrd", fields))
    assert volume.grid.lps_from_index == pytest.approx(plain().grid.lps_from_index, rel=1e-9)
    assert volume.warnings == (f"its header says that its lengths are {unit}; they were taken times {mm:g}",)


@pytest.mark.parametrize("units", ['"mm" "mm" "mm"', '"" "" ""', '"millimeters" "millimeters" "millimeters"'])
def test_millimetres_are_silent(units, tmp_path):
    volume = read_volume(nrrd(tmp_path / "v.nrrd", f"{PLACED}space units: {units}\n"))
    assert volume.warnings == ()
    assert volume.grid.equals(plain().grid)


@pytest.mark.parametrize("units", ['"mm" "mm" "cm"', '"px" "px" "px"'])
def test_a_unit_that_is_none_is_said(units, tmp_path):
    volume = read_volume(nrrd(tmp_path / "v.nrrd", f"{PLACED}space units: {units}\n"))
    (warning,) = volume.warnings
    assert "they were taken for mm" in warning
    assert volume.grid.equals(plain().grid)


@pytest.mark.parametrize(
    ("fields", "lengths"),
    [
        ("", True),
        ("spacings: 0.7 1.3 2.9\n", False),
        ("spacings: nan nan nan\n", True),
        (PLACED.replace("space: left-posterior-superior", "space dimension: 3"), False),
        (PLACED.replace("left-posterior-superior", "scanner-xyz"), False),
    ],
)
def test_an_nrrd_that_leaves_the_patient_open_is_said(fields, lengths, tmp_path):
    (warning,) = read_volume(nrrd(tmp_path / "v.nrrd", fields)).warnings
    assert "does not say how it lies in the patient" in warning
    assert ("1 mm was taken" in warning) == lengths


@pytest.mark.parametrize(
    ("left_out", "texts"),
    [
        (("TransformMatrix",), ("does not say how it lies",)),
        (("ElementSpacing",), ("1 mm was taken",)),
        (("TransformMatrix", "ElementSpacing"), ("does not say how it lies", "1 mm was taken")),
    ],
)
def test_a_metaimage_that_leaves_something_open_is_said(left_out, texts, tmp_path):
    warnings = read_volume(meta(tmp_path / "v.mha", *left_out)).warnings
    assert len(warnings) == len(texts)
    for warning, text in zip(warnings, texts, strict=True):
        assert text in warning


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
@pytest.mark.parametrize("factor", [300.0, 1000.0])
def test_an_extent_that_no_body_has_is_refused_at_once(suffix, factor, tmp_path):
    path = tmp_path / f"v{suffix}"
    write_volume(noise(grid_along(np.eye(3), spacing=tuple(factor * mm for mm in (0.7, 1.3, 2.9)))), path)
    sides = " x ".join(f"{factor * side:.0f}" for side in (4.2, 6.5, 11.6))
    with pytest.raises(StudyError, match=f"it spans {sides} mm: no body is that large; is its unit wrong"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
def test_an_extent_without_any_length_is_refused(suffix, tmp_path):
    path = tmp_path / f"v{suffix}"
    write_volume(noise(grid_along(np.eye(3), spacing=(0.007, 0.013, 0.029))), path)
    with pytest.raises(StudyError, match=r"it spans 0\.042 x 0\.065 x 0\.116 mm: no body is that small"):
        read_volume(path)


def test_a_gantry_is_not_wider_than_a_metre(tmp_path):
    write_volume(noise(grid_along(np.eye(3), spacing=(200.0, 250.0, 2.9))), tmp_path / "v.nrrd")
    (warning,) = read_volume(tmp_path / "v.nrrd").warnings
    assert "it spans 1200 x 1250 x 11.6 mm, more than a scanner sees" in warning


def test_numbers_in_centimetres_are_suspected(tmp_path):
    write_volume(noise(grid_along(np.eye(3), (60, 60, 20), (0.07, 0.07, 0.5))), tmp_path / "v.nrrd")
    (warning,) = (text for text in read_volume(tmp_path / "v.nrrd").warnings if "spans 4" in text)
    assert "are its lengths centimetres?" in warning


def test_rounded_directions_become_orthonormal(tmp_path):
    """0.0006 between rows and slices: less than shear, more than viewers would take."""
    fields = PLACED.replace("(0,1.3,0)", "(0,1.3,0.00078)")
    grid = read_volume(nrrd(tmp_path / "v.nrrd", fields)).grid
    assert grid.direction.T @ grid.direction == pytest.approx(np.eye(3), abs=1e-12)
    assert grid.lps_from_index == pytest.approx(plain().grid.lps_from_index, abs=2e-3)
