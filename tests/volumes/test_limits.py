"""Small files that promise or unpack to more than a machine has: refused by their bytes, before memory is taken."""

import gzip
import struct
import zlib

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes import limits
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.writer import write_volume
from tests.volumes.made import plain, write_series

MIB = 1 << 20
NRRD = (
    b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 32 32 32\n"
    b"space directions: (1,0,0) (0,1,0) (0,0,1)\nendian: little\nencoding: gzip\nspace origin: (0,0,0)\n\n"
)
MHA = (
    b"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = True\n"
    b"CompressedDataSize = 99999999999999\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\n"
    b"DimSize = 32 32 32\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
)


def nifti(sides, code=4, bits=16, offset=352.0):
    """Return the header of a NIfTI-1 file of cubes of 1 mm."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *sides, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, code, bits)
    struct.pack_into("<8f", head, 76, 1, 1, 1, 1, 0, 0, 0, 0)
    struct.pack_into("<f", head, 108, offset)
    struct.pack_into("<2h", head, 252, 1, 0)
    head[344:348] = b"n+1\0"
    return bytes(head)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("doubles.nii", nifti((812, 812, 812), 64, 64), "promises 4085 MiB of voxels, more than the 2048 MiB"),
        ("doubles.nii.gz", gzip.compress(nifti((812, 812, 812), 64, 64), mtime=0), "promises 4085 MiB of voxels"),
        ("far.nii", nifti((32, 32, 32), offset=2.0e9), "header is damaged: dimensions .*, offset 2e"),
        ("floats.nrrd", NRRD.replace(b"short", b"double").replace(b"32 32 32", b"900 900 900"), "promises 5562 MiB"),
        ("back.nrrd", NRRD.replace(b"gzip", b"gzip\nbyte skip: -1"), "skips -1 bytes before its voxels"),
        ("far.nrrd", NRRD.replace(b"gzip", b"gzip\nbyte skip: 2000000000"), "skips 2000000000 bytes"),
        ("lines.nrrd", NRRD.replace(b"gzip", b"raw\nline skip: 99999999999"), "skips 99999999999 lines"),
        ("raw.nrrd", NRRD.replace(b"gzip", b"raw\nbyte skip: 2000000000"), "skips 2000000000 bytes"),
        ("size.mha", MHA + zlib.compress(bytes(2 * 32**3)), "promises 99999999999999 bytes of packed voxels, the file"),
    ],
)
def test_a_header_that_promises_too_much_is_refused_by_it(name, content, reason, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StudyError, match=reason):
        read_volume(tmp_path / name)


def test_a_stream_that_unpacks_to_more_than_was_promised_is_not_read_to_its_end(tmp_path):
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = pack.compress(nifti((32, 32, 32)) + bytes(2 * 32**3))
    packed += b"".join(pack.compress(bytes(MIB)) for _ in range(limits.SURPLUS_BYTES // MIB + 8))
    (tmp_path / "more.nii.gz").write_bytes(packed)  # its stream has no end: reading on would say so
    with pytest.raises(StudyError, match="more than 64 MiB beyond the voxels"):
        read_volume(tmp_path / "more.nii.gz")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_the_limit_is_the_operators(suffix, tmp_path):
    volume = plain()
    write_volume(volume, tmp_path / f"v{suffix}")
    bytes_mb = volume.hu.nbytes / MIB
    assert read_volume(tmp_path / f"v{suffix}", most_mb=bytes_mb).hu.nbytes == volume.hu.nbytes
    with pytest.raises(StudyError, match=r"MiB that are accepted.*volume_mb"):
        read_volume(tmp_path / f"v{suffix}", most_mb=0.99 * bytes_mb)


def test_the_limit_holds_for_a_dicom_series(tmp_path):
    write_series(plain(), tmp_path)
    with pytest.raises(StudyError, match=r"MiB that are accepted.*volume_mb"):
        read_volume(tmp_path, most_mb=1e-6)


def _deflated(folder, padding):
    """Write a series whose files are deflated, each with so many zeros in a private element."""
    write_series(plain(), folder)
    for file in sorted(folder.rglob("*.dcm")):
        data = pydicom.dcmread(file)
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        data.private_block(0x0099, "tests", create=True).add_new(1, "OB", bytes(padding))
        data.save_as(file)


def test_deflated_dicom_is_limited(tmp_path, monkeypatch):
    _deflated(tmp_path, 8 * MIB)
    assert read_volume(tmp_path).hu.shape == plain().hu.shape
    monkeypatch.setattr(limits, "SLICE_BYTES", 4 * MIB)
    for file in tmp_path.rglob("*.dcm"):
        file.touch()  # headers are remembered as long as their files stay the same
    with pytest.raises(StudyError, match="unpacks to more than the 4 MiB that are accepted"):
        read_volume(tmp_path)
