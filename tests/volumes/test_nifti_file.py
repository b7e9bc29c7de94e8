"""The bytes of a NIfTI file: those that were checked are those that are taken, and what is odd about them is said."""

import gzip
import struct

import nibabel
import numpy as np
import pytest

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes import nifti_file
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.volumes.made import plain


def stored(path, dtype, size=(6, 5, 4), bad=()):
    """Write whole numbers of a type, with NaN at some of the flat places."""
    values = (np.arange(np.prod(size)) * 7 - 500).astype(dtype).reshape(size[::-1])
    values.ravel()[list(bad)] = np.nan if bad else 0
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(values.T), np.diag([1.0, 1.0, 3.0, 1.0])), path)
    return values


@pytest.mark.parametrize(("name", "beside"), [("v.nii.gz", "v.nii"), ("v.nii", "v.nii.gz"), ("v.nii.gz", "v.hdr")])
def test_a_file_of_the_same_stem_beside_it_does_not_matter(name, beside, tmp_path):
    """The library below ITK looks for the voxels by name, and finds the unpacked file first."""
    write_volume(plain(), tmp_path / name)
    other = Volume(np.full_like(plain().hu, 7), plain().grid)
    write_volume(other, tmp_path / "other.nii")
    (tmp_path / "other.nii").rename(tmp_path / beside)
    assert np.array_equal(read_volume(tmp_path / name).hu, plain().hu)


@pytest.mark.parametrize("name", ["V.NII.GZ", "V.Nii", "v.NII", "v.nii.GZ"])
def test_the_ending_may_be_upper_case(name, tmp_path):
    write_volume(plain(), tmp_path / "small.nii.gz")
    (tmp_path / "small.nii.gz").rename(tmp_path / name)  # packed, whatever the ending says
    assert np.array_equal(read_volume(tmp_path / name).hu, plain().hu)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4", ">f8"])
@pytest.mark.parametrize("size", [(5, 7, 9), (6, 5, 4), (7, 9, 11), (111, 127, 83)])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nan_is_found_wherever_it_stands(dtype, size, suffix, tmp_path):
    """Odd and even numbers of voxels, below and above what is read at once; the last voxel, the first, one between."""
    last = int(np.prod(size)) - 1
    for bad in ([last], [0], [last // 2, last // 3]):
        stored(tmp_path / f"v{suffix}", dtype, size, bad)
        with pytest.raises(StudyError, match=f"{len(bad)} of its voxels are NaN or infinite"):
            read_volume(tmp_path / f"v{suffix}")


@pytest.mark.parametrize("garbage", [b"trailing garbage", b"\x1f", b"\0\0\0x", b"PK\3\4" * 5000])
def test_bytes_behind_a_gzip_stream_are_said(garbage, tmp_path):
    path = tmp_path / "v.nii.gz"
    write_volume(plain(), path)
    path.write_bytes(path.read_bytes() + garbage)
    volume = read_volume(path)
    assert np.array_equal(volume.hu, plain().hu)
    left = len(garbage.lstrip(b"\0"))
    assert volume.warnings == (f"{left} bytes lie behind the end of its gzip stream; they were passed over",)


def test_padding_and_several_members_are_a_gzip_stream(tmp_path):
    write_volume(plain(), tmp_path / "v.nii")
    whole = (tmp_path / "v.nii").read_bytes()
    path = tmp_path / "v.nii.gz"
    for parts in (whole[:300], whole[300:]), (whole[:400], whole[400:500], b"", whole[500:]):
        path.write_bytes(b"\0\0".join(gzip.compress(part) for part in parts) + bytes(600))
        volume = read_volume(path)
        assert np.array_equal(volume.hu, plain().hu)
        assert volume.warnings == ()


def test_more_voxels_than_the_header_promises_are_said(tmp_path):
    path = tmp_path / "v.nii"
    write_volume(plain(), path)
    path.write_bytes(path.read_bytes() + bytes(60))
    assert read_volume(path).warnings == ("it holds 60 bytes more than its header promises; they were passed over",)


def test_a_second_gzip_member_that_is_damaged(tmp_path):
    path = tmp_path / "v.nii.gz"
    write_volume(plain(), path)
    path.write_bytes(path.read_bytes() + gzip.compress(b"more")[:-3])
    with pytest.raises(StudyError, match="truncated or damaged"):
        read_volume(path)


@pytest.mark.parametrize("codes", [(1, 1), (0, 0)])
@pytest.mark.parametrize(("slope", "intercept"), [(1.0, -1024.0), (2.0, 0.0), (0.5, 3.0)])
def test_slope_and_intercept_count_whatever_the_codes(codes, slope, intercept, tmp_path):
    """ITK left them out of a file whose codes are 0: its HU were 1024 too high."""
    values = stored(tmp_path / "v.nii", np.int16)
    raw = bytearray((tmp_path / "v.nii").read_bytes())
    struct.pack_into("<2f", raw, 112, slope, intercept)
    struct.pack_into("<2h", raw, 252, *codes)
    (tmp_path / "v.nii").write_bytes(raw)
    assert np.array_equal(read_volume(tmp_path / "v.nii").hu, values * slope + intercept)


@pytest.mark.parametrize(("magic", "text"), [(b"ni1\0", "another file"), (b"\0\0\0\0", "Analyze 7.5")])
def test_a_header_without_its_voxels(magic, text, tmp_path):
    write_volume(plain(), tmp_path / "v.nii")
    raw = bytearray((tmp_path / "v.nii").read_bytes())
    raw[344:348] = magic
    (tmp_path / "v.nii").write_bytes(raw)
    with pytest.raises(StudyError, match=text):
        read_volume(tmp_path / "v.nii")


def test_voxels_that_begin_behind_an_extension(tmp_path):
    write_volume(plain(), tmp_path / "v.nii")
    raw = (tmp_path / "v.nii").read_bytes()
    moved = bytearray(raw[:352] + b"x" * 1600 + raw[352:])
    struct.pack_into("<f", moved, 108, 1952.0)
    (tmp_path / "v.nii").write_bytes(moved)
    volume = read_volume(tmp_path / "v.nii")
    assert np.array_equal(volume.hu, plain().hu)
    assert volume.warnings == ()


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "v.nii.gz"
    write_volume(plain(), path)
    read = nifti_file.read_nifti

    def slow(at, most_mb):
        volume = read(at, most_mb)
        write_volume(Volume(plain().hu + np.int16(1), plain().grid), path)
        return volume

    monkeypatch.setattr("lesion_tracker.volumes.image_file.read_nifti", slow)
    with pytest.raises(StudyError, match="was changed or removed while it was read"):
        read_volume(path)
