"""What the reader of image files accepts, refuses and warns about."""

import gzip
import re
import struct
import tracemalloc

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes import hounsfield, plausible
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.volumes.made import SIZE, grid_along, plain

FILES = [".nii", ".nii.gz", ".nrrd", ".mha"]


def refuses(path, *texts):
    with pytest.raises(StudyError) as error:
        read_volume(path)
    message = str(error.value)
    assert message.startswith(f"{path.name}: ")
    for text in texts:
        assert re.search(text, message), f"{text!r} is not in {message!r}"


def save_nifti(path, values, affine=None, **changes):
    image = nibabel.Nifti1Image(values, np.diag([0.7, 1.3, 2.9, 1.0]) if affine is None else affine)
    for method, arguments in changes.items():
        getattr(image, method)(*arguments)
    nibabel.save(image, path)
    return path


def values(dtype=np.int16):
    return np.ascontiguousarray(plain().hu.T).astype(dtype)


def noisy():
    """Return a volume that does not become smaller by packing."""
    hu = np.random.default_rng(0).integers(-1000, 1000, (32, 16, 16), dtype=np.int16)
    return Volume(hu, grid_along(np.eye(3), hu.shape[::-1]))


# accepted


def test_a_slab_of_35_mm_reads(tmp_path):
    write_volume(plain((12, 11, 7), (0.8, 0.8, 5.0)), tmp_path / "slab.nii.gz")
    slab = read_volume(tmp_path / "slab.nii.gz")
    assert slab.hu.shape == (7, 11, 12)
    assert slab.warnings == ()


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_whole_numbers_become_int16(dtype, tmp_path):
    again = read_volume(save_nifti(tmp_path / "v.nii", values(dtype)))
    assert again.hu.dtype == np.int16
    assert np.array_equal(again.hu, plain().hu)


def test_fractions_stay_float32(tmp_path):
    volume = Volume(plain().hu.astype(np.float32) + np.float32(0.25), plain().grid)
    write_volume(volume, tmp_path / "v.mha")
    again = read_volume(tmp_path / "v.mha")
    assert again.hu.dtype == np.float32
    assert np.array_equal(again.hu, volume.hu)


def test_numbers_beyond_int16_become_float32():
    assert hounsfield.compact_hu(np.full((2, 2, 2), 40000, np.uint16)).dtype == np.float32


def test_slope_and_intercept_of_nifti_are_applied(tmp_path):
    image = nibabel.Nifti1Image(values(), np.eye(4))
    image.header.set_slope_inter(2, -24)
    image.header.set_data_dtype(np.int16)
    path = tmp_path / "v.nii"
    image.to_filename(path)
    with path.open("r+b") as stream:  # nibabel rescales when it writes: put the numbers into the header by hand
        stream.seek(112)
        stream.write(struct.pack("<2f", 2.0, -24.0))
    stored = np.frombuffer(path.read_bytes()[352:], np.int16).reshape(plain().hu.shape)
    assert np.array_equal(read_volume(path).hu, stored * 2 - 24)


def test_a_trailing_axis_of_one_is_still_a_volume(tmp_path):
    assert read_volume(save_nifti(tmp_path / "v.nii", values()[..., None])).hu.shape == plain().hu.shape


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_2(suffix, tmp_path):
    affine = np.diag([-0.7, -1.3, 2.9, 1.0])
    nibabel.save(nibabel.Nifti2Image(values(), affine), tmp_path / f"two{suffix}")
    again = read_volume(tmp_path / f"two{suffix}")
    assert np.array_equal(again.hu, plain().hu)
    assert again.grid.lps_from_index == pytest.approx(np.diag([0.7, 1.3, 2.9, 1.0]), abs=1e-7)


def test_big_endian(tmp_path):
    big = nibabel.Nifti1Image(values(), np.eye(4), nibabel.Nifti1Header(endianness=">"))
    big.set_data_dtype(">i2")
    nibabel.save(big, tmp_path / "big.nii")
    assert np.array_equal(read_volume(tmp_path / "big.nii").hu, plain().hu)


def test_a_detached_header_reads_its_neighbour(tmp_path):
    write_volume(plain(), tmp_path / "v.mhd")
    raw = (tmp_path / "v.raw").read_bytes()
    (tmp_path / "v.nhdr").write_text(
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 6 5 4\n"
        "space directions: (0.7,0,0) (0,1.3,0) (0,0,2.9)\nspace origin: (-31.25,47.5,-803.75)\n"
        "endian: little\nencoding: raw\ndata file: v.raw\n\n"
    )
    assert len(raw) == 2 * 120
    again = read_volume(tmp_path / "v.nhdr")
    assert np.array_equal(again.hu, plain().hu)
    assert again.grid.equals(plain().grid)


def test_the_suffix_may_be_upper_case(tmp_path):
    write_volume(plain(), tmp_path / "v.nrrd")
    (tmp_path / "v.nrrd").rename(tmp_path / "V.NRRD")
    assert np.array_equal(read_volume(tmp_path / "V.NRRD").hu, plain().hu)


# refused


def test_a_missing_file(tmp_path):
    refuses(tmp_path / "nothing.nii.gz", "no such file or folder")


@pytest.mark.parametrize("suffix", FILES)
def test_an_empty_file(suffix, tmp_path):
    path = tmp_path / f"v{suffix}"
    path.touch()
    refuses(path, "empty", "0 bytes", "cut off")


@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_a_truncated_file(suffix, kept, tmp_path):
    path = tmp_path / f"v{suffix}"
    write_volume(plain(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    refuses(path, "truncated|cut off")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("where", [0.5, 1.0], ids=["middle", "checksum"])
def test_packed_voxels_that_are_damaged(suffix, where, tmp_path):
    """ITK takes what it could unpack of NRRD and MetaImage, and leaves the rest as memory was."""
    path = tmp_path / f"v{suffix}"
    write_volume(noisy(), path)
    content = bytearray(path.read_bytes())
    start = min(int(where * len(content)), len(content) - 3)
    content[start : start + 64] = bytes(255 - byte for byte in content[start : start + 64])
    path.write_bytes(content)
    refuses(path, "truncated or damaged|damaged")


def test_a_meta_image_whose_packed_voxels_are_other_than_its_header_says(tmp_path):
    path = tmp_path / "v.mha"
    write_volume(noisy(), path)
    whole = path.read_bytes()
    size = re.search(rb"CompressedDataSize = (\d+)\n", whole)
    head, packed = whole[: -int(size[1])], whole[-int(size[1]) :]
    half = b"%d" % (len(packed) // 2)
    for header, voxels, reason in [
        (head.replace(size[0], b""), packed, "speaks of no bytes of packed voxels"),
        (head.replace(size[1], b"0"), packed, "speaks of 0 bytes"),
        (head.replace(size[1], half), packed, f"speaks of {len(packed) // 2} bytes"),
        (head.replace(size[1], half), packed[: len(packed) // 2], "truncated or damaged"),
        (
            head.replace(b"DimSize = 16 16 32", b"DimSize = 16 16 33"),
            packed,
            "truncated: 16384 bytes .* promises 16896",
        ),
        (head, packed + bytes(64), ""),  # padding
    ]:
        path.write_bytes(header + voxels)
        if reason:
            refuses(path, reason)
        else:
            assert np.array_equal(read_volume(path).hu, noisy().hu)


def test_a_packed_volume_is_not_unpacked_in_one_piece(tmp_path):
    """Copying a piece holds up every other thread: 0.7 s for a CT of 300 MB."""
    hu = np.zeros((128, 256, 256), np.int16)  # 17 MB in 17 kB
    write_volume(Volume(hu, grid_along(np.eye(3), hu.shape[::-1])), tmp_path / "v.nii.gz")
    tracemalloc.start()
    try:
        bytes_of_voxels = read_volume(tmp_path / "v.nii.gz").hu.nbytes
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert bytes_of_voxels == 2 * 256 * 256 * 128
    assert peak < 1.8 * bytes_of_voxels  # it was 2


def test_a_truncated_volume_in_a_whole_gzip_stream(tmp_path):
    write_volume(plain(), tmp_path / "v.nii")
    path = tmp_path / "w.nii.gz"
    path.write_bytes(gzip.compress((tmp_path / "v.nii").read_bytes()[:-2]))
    refuses(path, "truncated: 590 bytes of data where its header promises 592")


def test_a_flipped_bit_in_a_gzip_stream(tmp_path):
    path = tmp_path / "v.nii.gz"
    write_volume(plain((20, 20, 20)), path)
    damaged = bytearray(path.read_bytes())
    damaged[-5] ^= 1  # in the stored checksum or length
    path.write_bytes(damaged)
    refuses(path, "truncated or damaged")


@pytest.mark.parametrize("suffix", FILES)
def test_a_file_that_is_no_image(suffix, tmp_path):
    path = tmp_path / f"v{suffix}"
    path.write_bytes(b"dear colleague, please find attached " * 40)
    refuses(path, "not a NIfTI file|cannot be read as an image|text header does not end")


def test_a_picture_with_the_name_of_a_volume(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((64, 64), np.uint8)), str(tmp_path / "p.png"))
    (tmp_path / "p.png").rename(tmp_path / "p.nii")
    refuses(tmp_path / "p.nii", "not a NIfTI file", "renamed")


def test_an_unknown_ending(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("hello")
    refuses(path, r"'\.txt'", r"\.nii\.gz, \.nii, \.nrrd")


def test_two_dimensions(tmp_path):
    refuses(save_nifti(tmp_path / "v.nii", values()[:, :, 0]), r"2D \(6 x 5\)", "needs a volume")


def test_four_dimensions(tmp_path):
    path = save_nifti(tmp_path / "v.nii", np.stack([values(), values()], axis=-1))
    refuses(path, r"4D \(6 x 5 x 4 x 2\)", "time series")


def test_a_volume_of_one_slice(tmp_path):
    write_volume(plain((6, 5, 1)), tmp_path / "v.nrrd")
    refuses(tmp_path / "v.nrrd", r"single slice \(6 x 5 x 1\)")


@pytest.mark.parametrize("suffix", FILES)
def test_colour(suffix, tmp_path):
    channel = sitk.GetImageFromArray(plain().hu)
    path = tmp_path / f"v{suffix}"
    sitk.WriteImage(sitk.Compose(channel, channel, channel), str(path))
    refuses(path, "3 values a voxel", "colour")


def test_complex_numbers(tmp_path):
    refuses(save_nifti(tmp_path / "v.nii", values(np.complex64)), "complex")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_not_finite(bad, suffix, tmp_path):
    wrong = plain().hu.astype(np.float32)
    wrong[2, 3, 1] = bad
    write_volume(Volume(wrong, plain().grid), tmp_path / f"v{suffix}")
    refuses(tmp_path / f"v{suffix}", "1 of 120 voxels are NaN or infinite", re.escape("(i, j, k) = (1, 3, 2)"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_not_finite_in_nifti(bad, dtype, suffix, tmp_path):
    """ITK alone would read 0 there."""
    wrong = values(np.dtype(dtype))
    wrong[1, 3, 2] = bad
    refuses(save_nifti(tmp_path / f"v{suffix}", wrong), "1 of its voxels are NaN or infinite", "resampling")


@pytest.mark.parametrize("cosine", [0.2, 0.01])
@pytest.mark.parametrize("with_qform", [False, True])
def test_a_sheared_nifti(cosine, with_qform, tmp_path):
    """ITK alone would take the qform without a word."""
    sheared = np.eye(4)
    sheared[0, 1] = cosine
    more = {"set_qform": (np.eye(4), 1)} if with_qform else {}
    refuses(save_nifti(tmp_path / "v.nii", values(), sheared, **more), r"sheared \(cosine 0\.(196|010) between", "tilt")


def test_a_sheared_metaimage_and_nrrd(tmp_path):
    write_volume(Volume(plain().hu, plain().grid), tmp_path / "v.mha")
    text = (tmp_path / "v.mha").read_bytes()
    (tmp_path / "s.mha").write_bytes(text.replace(b"TransformMatrix = 1 0 0 0 1 0", b"TransformMatrix = 1 0 0 0.1 1 0"))
    refuses(tmp_path / "s.mha", r"not orthogonal \(cosine 0\.1", "gantry tilt")
    write_volume(plain(spacing=(1.0, 1.0, 1.0)), tmp_path / "v.nrrd")
    text = (tmp_path / "v.nrrd").read_bytes()
    (tmp_path / "s.nrrd").write_bytes(text.replace(b"(0,1,0)", b"(0,1,0.1)"))
    refuses(tmp_path / "s.nrrd", "not orthogonal", "gantry tilt")


def test_an_sform_that_is_no_matrix(tmp_path):
    path = save_nifti(tmp_path / "v.nii", values())
    with path.open("r+b") as stream:
        stream.seek(280)
        stream.write(struct.pack("<12f", *[0.0] * 12))
    refuses(path, "sform is no usable matrix")


def test_a_damaged_nifti_header(tmp_path):
    path = save_nifti(tmp_path / "v.nii", values())
    with path.open("r+b") as stream:
        stream.seek(42)
        stream.write(struct.pack("<h", -6))
    refuses(path, "header is damaged", "-6")


@pytest.mark.parametrize(("suffix", "key"), [(".mhd", "ElementDataFile = "), (".nhdr", "data file: ")])
@pytest.mark.parametrize("target", ["/etc/hostname", "../secret.raw", "LIST"])
def test_a_header_that_names_a_file_elsewhere(suffix, key, target, tmp_path):
    magic = "NRRD0004\n" if suffix == ".nhdr" else "ObjectType = Image\n"
    path = tmp_path / f"v{suffix}"
    path.write_text(f"{magic}{key}{target}\n\n")
    refuses(path, re.escape(repr(target)), "same folder")


def test_a_header_that_never_ends(tmp_path):
    path = tmp_path / "v.mhd"
    path.write_bytes(b"Comment = x\n" * 10000 + b"ElementDataFile = /etc/hostname\n")
    refuses(path, "does not end within 65536 bytes")


def test_too_many_voxels(tmp_path, monkeypatch):
    monkeypatch.setattr(plausible, "MAX_VOXELS", 100)
    write_volume(plain(), tmp_path / "v.nii")
    refuses(tmp_path / "v.nii", "6 x 5 x 4 voxels, more than the 100")


def test_a_file_without_permission(tmp_path, monkeypatch):
    path = tmp_path / "v.nii"
    write_volume(plain(), path)

    def denied(_, most_mb):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lesion_tracker.volumes.reader.read_image_file", denied)
    refuses(path, r"cannot be read \(Permission denied\)")


def test_no_message_tells_where_the_file_lies(tmp_path):
    path = tmp_path / "v.mha"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(StudyError) as error:
        read_volume(path)
    assert str(tmp_path) not in str(error.value)


# warned about


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0, 3000, "Subtract 1024"),
        (0, 1, "windowed or normalised"),
        (0, 255, "windowed or normalised"),
        (-1, 1, "span only -1 to 1"),
        (-1024, -600, "nothing but air"),
        (5, 5, "every voxel is 5"),
        (-64, 127, "no voxel is air"),
        (-1000, 1e30, "damaged, or another quantity?"),
    ],
)
def test_implausible_hu_are_warned_about(low, high, text, tmp_path):
    ramp = np.linspace(low, high, int(np.prod(SIZE)), dtype=np.float32).reshape(plain().hu.shape)
    write_volume(Volume(ramp, plain().grid), tmp_path / "v.nii")
    (warning,) = read_volume(tmp_path / "v.nii").warnings
    assert "implausible HU" in warning
    assert text in warning


@pytest.mark.parametrize(("shift", "text"), [(1024, "Subtract 1024"), (-1024, "Add 1024"), (0, "")])
def test_a_body_1024_beside_its_values_is_warned_about(shift, text):
    body = np.full((8, 20, 20), -1000, np.int16)
    body[:, 4:16, 2:18], body[:, 8:12, 6:14], body[0, 0, :2] = 40, -850, (-2000, 1500)
    (warning,) = hounsfield.hu_warnings(body + np.int16(shift)) or ("",)
    assert text in warning


def test_a_nifti_without_orientation_is_warned_about(tmp_path):
    path = save_nifti(tmp_path / "v.nii", values(), set_qform=(None, 0), set_sform=(None, 0))
    (warning,) = read_volume(path).warnings
    assert "codes are 0" in warning
