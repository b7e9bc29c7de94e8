"""Which of its three descriptions places a NIfTI file, what contradicts is said with both numbers, and what is refused."""

import itertools
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.reader import read_volume
from tests.volumes.made import DIRECTIONS, ORIGIN, SPACING, grid_along, plain

RAS_DIAGONAL = np.diag([-0.7, -1.3, 2.9, 1.0])
"""The grid of `plain()`, at the origin."""


def save(path, affine=RAS_DIAGONAL, *, qform=None, codes=None, kind=nibabel.Nifti1Image, pixdim=None, unit=2, raw=None):
    """Write a file whose voxels are those of `plain()`, and then what a header can say wrongly, at its place.

    Args:
        path: of the file.
        affine: its sform.
        qform: matrix of the quaternion; default: the affine.
        codes: (qform_code, sform_code).
        kind: of the file.
        pixdim: pixdim[1:4] as the file says them.
        unit: xyzt_units.
        raw: offset and single-precision numbers to put there.
    """
    image = kind(np.ascontiguousarray(plain().hu.T), affine)
    image.set_qform(affine if qform is None else qform, 1)
    image.set_sform(affine, 1)
    image.header["xyzt_units"] = unit
    nibabel.save(image, path)
    one = kind is nibabel.Nifti1Image
    changes = [(80 if one else 112, "f" if one else "d", pixdim), (252 if one else 344, "h" if one else "i", codes)]
    data = bytearray(path.read_bytes())
    changes += [(raw[0], "f", raw[1])] if raw else []
    for offset, letter, numbers in changes:
        if numbers is not None:
            struct.pack_into(f"<{len(numbers)}{letter}", data, offset, *numbers)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("codes", [(0, 2), (1, 1), (2, 0)])
def test_every_orientation_is_that_of_itk(direction, codes, tmp_path):
    """Viewers read with ITK: where the header agrees with itself, both have the same grid to the last bit."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid_along(direction).lps_from_index
    path = save(tmp_path / "v.nii", affine, codes=codes)
    grid = read_volume(path).grid
    image = sitk.ReadImage(str(path))
    spacing = np.array(image.GetSpacing())
    assert np.array_equal(grid.lps_from_index[:3, :3], np.array(image.GetDirection()).reshape(3, 3) * spacing)
    assert np.array_equal(grid.origin_mm, np.array(image.GetOrigin()))
    assert grid.lps_from_index == pytest.approx(grid_along(direction).lps_from_index, abs=1e-4)


@pytest.mark.parametrize("codes", [(0, 2), (0, 1), (1, 1), (1, 2), (2, 4)])
@pytest.mark.parametrize(("axis", "name", "says"), [(0, "columns", 0.7), (1, "rows", 1.3), (2, "slices", 2.9)])
@pytest.mark.parametrize("factor", [0.9, 1.5, 0.0, np.nan])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_the_lengths_of_the_sform_count_and_those_of_pixdim_are_said(codes, axis, name, says, factor, kind, tmp_path):
    pixdim = np.array([0.7, 1.3, 2.9])
    pixdim[axis] *= factor
    volume = read_volume(save(tmp_path / "v.nii", codes=codes, pixdim=pixdim, kind=kind))
    assert volume.grid.spacing_mm == pytest.approx([0.7, 1.3, 2.9], rel=1e-6)
    (warning,) = volume.warnings
    assert warning == (
        f"its sform says {says:g} mm between {name}, its pixdim {says * factor:g} mm; the sform was used"
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_pixdim_within_rounding_is_silent(sign, tmp_path):
    """0.02 mm a slice over 4 slices is 0.08 mm; a negative length only ever meant a direction, which the sform says."""
    volume = read_volume(save(tmp_path / "v.nii", codes=(0, 2), pixdim=[sign * 0.7, 1.3, 2.92]))
    assert volume.warnings == ()
    assert volume.grid.lps_from_index[:3, :3] == pytest.approx(np.diag([0.7, 1.3, 2.92]), rel=1e-6)


@pytest.mark.parametrize("codes", [(1, 1), (1, 2), (1, 4), (2, 3)])
def test_the_sform_counts_where_the_quaternion_says_otherwise(codes, tmp_path):
    """X runs the other way: 5 voxels of 0.7 mm to either side of the first one, 7.0 mm between the last ones."""
    path = save(tmp_path / "v.nii", qform=np.diag([0.7, -1.3, 2.9, 1.0]), codes=codes)
    volume = read_volume(path)
    assert volume.grid.lps_from_index == pytest.approx(np.diag([0.7, 1.3, 2.9, 1.0]), rel=1e-6)
    (warning,) = volume.warnings
    assert "sform and qform disagree by up to 7.0 mm; the sform was used" in warning
    assert f"sform_code {codes[1]}, qform_code {codes[0]}" in warning


@pytest.mark.parametrize(("moved_mm", "said"), [(0.05, False), (3.0, True), (40.0, True)])
def test_an_offset_that_differs_is_said(moved_mm, said, tmp_path):
    moved = RAS_DIAGONAL.copy()
    moved[2, 3] = moved_mm
    volume = read_volume(save(tmp_path / "v.nii", qform=moved))
    assert volume.grid.origin_mm == pytest.approx(np.zeros(3))
    assert bool(volume.warnings) == said
    assert all(f"disagree by up to {moved_mm:.1f} mm" in warning for warning in volume.warnings)


def test_a_quaternion_that_is_none_is_said_beside_an_sform_and_refused_without(tmp_path):
    raw = (256, [1.0, 1.0, 1.0])
    (warning,) = read_volume(save(tmp_path / "v.nii", raw=raw)).warnings
    assert "quaternion [1.0, 1.0, 1.0] is no rotation" in warning
    assert "the sform was used" in warning
    with pytest.raises(StudyError, match="no rotation"):
        read_volume(save(tmp_path / "w.nii", codes=(1, 0), raw=raw))


@pytest.mark.parametrize("codes", [(1, 0), (0, 0)])
@pytest.mark.parametrize("bad", [0.0, -0.7, np.nan, np.inf])
def test_without_an_sform_the_lengths_must_be_lengths(codes, bad, tmp_path):
    """ITK makes 1 mm of zero and NaN, and takes the sign off."""
    with pytest.raises(StudyError, match=r"its pixdim says .* and no sform says more"):
        read_volume(save(tmp_path / "v.nii", codes=codes, pixdim=[bad, 1.3, 2.9]))


@pytest.mark.parametrize(("unit", "name", "mm"), [(1, "metres", 1000.0), (3, "micrometres", 0.001)])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_another_unit_is_taken_and_said(unit, name, mm, kind, tmp_path):
    affine = grid_along(np.eye(3)).lps_from_index * [[-1], [-1], [1], [1]]
    affine[:3] /= mm
    volume = read_volume(save(tmp_path / "v.nii", affine, unit=unit, kind=kind))
    assert volume.grid.lps_from_index == pytest.approx(grid_along(np.eye(3)).lps_from_index, rel=1e-6)
    assert volume.warnings == (f"its header says that its lengths are {name}; they were taken times {mm:g}",)


@pytest.mark.parametrize("unit", [1, 3])
def test_a_unit_that_makes_no_body_is_refused_with_the_extent(unit, tmp_path):
    """6 x 5 x 4 voxels of 0.7 x 1.3 x 2.9: their numbers are mm, whatever the unit says."""
    text = {1: "4200 x 6500 x 11600 mm", 3: "0.0042 x 0.0065 x 0.0116 mm"}[unit]
    word = {1: "metres", 3: "micrometres"}[unit]
    with pytest.raises(StudyError, match=rf"it spans {text} \(its header says that its lengths are {word}\): no body"):
        read_volume(save(tmp_path / "v.nii", unit=unit))


@pytest.mark.parametrize("digits", [3, 4])
@pytest.mark.parametrize("seed", range(12))
def test_a_rounded_oblique_matrix_is_read(digits, seed, tmp_path):
    """Turned by up to 10 degrees and rounded, as tools print it; ITK refuses from 1e-4 on."""
    rng = np.random.default_rng(seed)
    x, y, z = np.radians(rng.uniform(-10, 10, 3))
    turn = np.eye(3)
    for angle, (a, b) in zip((x, y, z), itertools.combinations(range(3), 2), strict=True):
        one = np.eye(3)
        one[a, a] = one[b, b] = np.cos(angle)
        one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    affine = np.eye(4)
    affine[:3, :3] = turn * [0.703125, 0.703125, 2.5]
    affine[:3, 3] = ORIGIN
    grid = read_volume(save(tmp_path / "v.nii", np.round(affine, digits), codes=(0, 2))).grid
    assert grid.direction.T @ grid.direction == pytest.approx(np.eye(3), abs=1e-4)
    ras = grid.lps_from_index * [[-1], [-1], [1], [1]]
    assert ras[:3, :3] == pytest.approx(
        affine[:3, :3], abs=2 * 10.0**-digits
    )  # half a digit by rounding, then straightened
    assert ras[:3, 3] == pytest.approx(affine[:3, 3], abs=10.0**-digits)


def test_shear_beyond_rounding_stays_refused(tmp_path):
    affine = RAS_DIAGONAL.copy()
    affine[0, 1] = 0.002 * 1.3
    with pytest.raises(StudyError, match=r"its sform is sheared \(cosine 0\.002"):
        read_volume(save(tmp_path / "v.nii", affine, codes=(0, 2)))


def test_without_any_code_left_and_right_are_open(tmp_path):
    volume = read_volume(save(tmp_path / "v.nii", codes=(0, 0)))
    assert volume.grid.direction == pytest.approx(np.eye(3))
    assert volume.grid.spacing_mm == pytest.approx(SPACING, rel=1e-6)
    (warning,) = volume.warnings
    assert "left and right may be swapped" in warning
