"""What the reader of DICOM folders accepts, refuses and warns about."""

import re
import shutil

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes import dicom_series
from lesion_tracker.volumes.dicom_writer import uid_of
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume
from tests.volumes.made import edit, plain, write_series


def refuses(folder, *texts, **options):
    with pytest.raises(StudyError) as error:
        read_volume(folder, **options)
    message = str(error.value)
    assert message.startswith(f"{folder.name}: ")
    assert str(folder.parent) not in message
    for text in texts:
        assert re.search(text, message), f"{text!r} is not in {message!r}"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "series"


# accepted


def test_a_slab_of_35_mm_reads(folder):
    volume = plain((12, 11, 7), (0.8, 0.8, 5.0))
    write_series(volume, folder)
    again = read_volume(folder)
    assert np.array_equal(again.hu, volume.hu)
    assert again.grid.equals(volume.grid)


def test_names_and_instance_numbers_do_not_matter(folder):
    files = write_series(plain(), folder)
    for number, path in enumerate(files):
        edit(path, InstanceNumber=len(files) - number)
        path.rename(folder / f"{(number * 3) % len(files):02d}")  # no ending either
    assert np.array_equal(read_volume(folder).hu, plain().hu)


def test_other_files_in_the_folder_are_passed_over(folder):
    write_series(plain(), folder)
    (folder / "notes.txt").write_text("nothing")
    (folder / ".DS_Store").write_bytes(b"")
    assert np.array_equal(read_volume(folder).hu, plain().hu)


def test_slope_and_intercept_of_each_slice_are_applied(folder):
    files = write_series(plain(), folder)
    stored = [pydicom.dcmread(path).pixel_array.astype(float) for path in files]
    edit(files[1], RescaleSlope="0.5", RescaleIntercept="-100.25")
    edit(files[2], RescaleSlope="2", RescaleIntercept="7")
    hu = read_volume(folder).hu
    expected = np.stack([stored[0] - 1024, stored[1] * 0.5 - 100.25, stored[2] * 2 + 7, stored[3] - 1024])
    assert hu.dtype == np.float32
    assert np.array_equal(hu, expected)


def test_whole_slopes_stay_int16(folder):
    files = write_series(plain(), folder)
    stored = np.stack([pydicom.dcmread(path).pixel_array.astype(int) for path in files])
    for path in files:
        edit(path, RescaleSlope="2", RescaleIntercept="-24")
    hu = read_volume(folder).hu
    assert hu.dtype == np.int16
    assert np.array_equal(hu, stored * 2 - 24)


def test_a_compressed_series(folder):
    volume = plain((16, 16, 4))
    for path in write_series(volume, folder):
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path)
    assert np.array_equal(read_volume(folder).hu, volume.hu)


def test_positions_rounded_to_a_tenth(folder):
    """Scanners round: 0.625 mm apart becomes 0.6, 0.6, 0.7."""
    for k, path in enumerate(write_series(plain((6, 5, 9), (0.7, 0.7, 0.625)), folder)):
        edit(path, ImagePositionPatient=[0, 0, round(0.625 * k, 1)])
    assert read_volume(folder).grid.spacing_mm[2] == pytest.approx(0.625, abs=0.1 / 8)


def test_another_modality_when_asked_for(folder):
    write_series(plain(), folder, Modality="MR")
    volume = read_volume(folder, any_modality=True)
    assert np.array_equal(volume.hu, plain().hu)
    assert volume.warnings == ("its modality is MR, not CT: the values are no HU",)


# refused


def test_a_folder_without_dicom(folder):
    folder.mkdir()
    (folder / "readme.txt").write_text("nothing")
    (folder / "inner").mkdir()
    refuses(folder, r"no DICOM images \(1 files\)", "subfolders inner")


def test_a_folder_that_cannot_be_read(folder, monkeypatch):
    write_series(plain(), folder)

    def denied(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lesion_tracker.volumes.dicom_series.read_headers", denied)
    refuses(folder, r"cannot be read \(Permission denied\)", "permissions")


def test_one_dicom_file_instead_of_its_folder(folder):
    refuses(write_series(plain(), folder)[0], "one DICOM file", "give the folder")


@pytest.mark.parametrize(("spared", "missing"), [([3], 1), ([3, 4], 2), ([2, 5], 2)])
def test_missing_slices(folder, spared, missing):
    files = write_series(plain((6, 5, 9)), folder)
    for k in spared:
        files[k].unlink()
    refuses(folder, rf"{missing} missing slice\(s\)", r"5\.80 mm|8\.70 mm", r"elsewhere 2\.90 mm")


def test_irregular_slices(folder):
    files = write_series(plain((6, 5, 6)), folder)
    edit(files[3], ImagePositionPatient=[-31.25, 47.5, -803.75 + 3 * 2.9 + 0.9])
    refuses(folder, r"varies from 2\.00 to 3\.80 mm", r"0000\d\.dcm")


def test_repeated_slices(folder):
    files = write_series(plain(), folder)
    shutil.copy(files[1], folder / "copy.dcm")
    refuses(folder, "1 of 5 slices repeat", r"00002\.dcm|copy\.dcm", "copied twice")


def test_two_phases_in_one_series(folder, tmp_path):
    write_series(plain(), folder)
    for path in write_series(plain(), tmp_path / "other"):
        edit(path, SOPInstanceUID=uid_of(path.name))
        path.rename(folder / f"second-{path.name}")
    refuses(folder, "4 of 8 slices repeat", "several phases")


def test_mixed_series(folder, tmp_path):
    write_series(plain(), folder, SeriesDescription="thin")
    for path in write_series(plain(), tmp_path / "other", "b", SeriesDescription="thick"):
        path.rename(folder / f"second-{path.name}")
    refuses(folder, "mixes 2 series", r"\(4 files, CT, 'thin'\)", r"\(4 files, CT, 'thick'\)", "folder of its own")


@pytest.mark.parametrize("degrees", [3, 15])
def test_gantry_tilt(folder, degrees):
    """Slices parallel to x and y whose stack leans over."""
    for k, path in enumerate(write_series(plain(), folder, GantryDetectorTilt=degrees)):
        edit(path, ImagePositionPatient=[0, round(2.9 * k * np.tan(np.radians(degrees)), 4), 2.9 * k])
    refuses(folder, "drift", rf"{degrees}\.0 degrees, GantryDetectorTilt {degrees} degrees", "gantry tilt")


def test_an_orientation_that_is_none(folder):
    write_series(plain(), folder, ImageOrientationPatient=[1, 0, 0, 0.1, 1, 0])
    refuses(folder, "not two orthogonal unit vectors", r"0\.1")


def test_slices_of_different_orientation(folder):
    files = write_series(plain(), folder)
    edit(files[2], ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    refuses(folder, "ImageOrientationPatient differs", r"00003\.dcm")


def test_slices_of_different_spacing(folder):
    files = write_series(plain(), folder)
    edit(files[0], PixelSpacing=[1, 1])
    refuses(folder, "PixelSpacing differs", r"\[1\.0, 1\.0\]")


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_slice_without_geometry(folder, keyword):
    files = write_series(plain(), folder)
    edit(files[2], **{keyword: None})
    refuses(folder, rf"00003\.dcm: {keyword} has 0 numbers", "secondary capture")


def test_a_single_slice(folder):
    write_series(plain((6, 5, 1)), folder)
    refuses(folder, r"single slice \(00001\.dcm\)")


@pytest.mark.parametrize("modality", ["MR", "PT", "SEG", ""])
def test_another_modality(folder, modality):
    write_series(plain(), folder, Modality=modality)
    refuses(folder, re.escape(f"its modality is {modality or '(none)'}, not CT"))


@pytest.mark.parametrize("any_modality", [True, False])
def test_a_localizer(folder, any_modality):
    write_series(plain(), folder, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    refuses(folder, "4 of its 4 files are localizer", "ORIGINAL/PRIMARY/LOCALIZER", any_modality=any_modality)


def test_a_multi_frame_file(folder):
    write_series(plain(), folder, NumberOfFrames=40)
    refuses(folder, r"multi-frame \(40 frames\)")


def test_colour(folder):
    write_series(plain(), folder, SamplesPerPixel=3)
    refuses(folder, r"colour image \(3 values a pixel\)")


@pytest.mark.parametrize("kept", [0, 100, 600, -20])
def test_a_truncated_slice(folder, kept):
    path = write_series(plain(), folder)[1]
    path.write_bytes(path.read_bytes()[:kept])
    refuses(folder, r"00002\.dcm", "empty|cut off|truncated|not a DICOM file")


def test_a_file_that_only_claims_to_be_dicom(folder):
    write_series(plain(), folder)
    (folder / "x.dcm").write_text("hello")
    refuses(folder, r"x\.dcm is not a DICOM file")


def test_an_image_before_the_first_frame_of_its_header(folder):
    """The file ends inside of its first elements, after the mark that makes it DICOM."""
    path = write_series(plain(), folder)[1]
    path.rename(folder / "00002")
    whole = (folder / "00002").read_bytes()
    (folder / "00002").write_bytes(whole[:600])
    refuses(folder, "00002 has no SeriesInstanceUID: truncated")


def test_a_position_that_is_no_number(folder):
    path = write_series(plain(), folder)[1]
    whole = path.read_bytes()
    where = whole.index(b"-31.25")
    path.write_bytes(whole[:where] + b"-3x.25" + whole[where + 6 :])
    refuses(folder, r"00002\.dcm: its ImagePositionPatient is not a number")


def test_a_directory_file_is_passed_over(folder):
    files = write_series(plain(), folder)
    (folder / "DICOMDIR").write_bytes(files[0].read_bytes()[:600])
    assert np.array_equal(read_volume(folder).hu, plain().hu)


def test_a_slope_of_zero(folder):
    write_series(plain(), folder, RescaleSlope="0")
    refuses(folder, "RescaleSlope is 0")


def test_too_many_voxels(folder, monkeypatch):
    monkeypatch.setattr(dicom_series, "MAX_VOXELS", 100)
    write_series(plain(), folder)
    refuses(folder, "more than the 100")


# warned about


def test_slices_thinner_than_their_distance_are_warned_about(folder):
    write_series(plain(), folder, SliceThickness="1.25")
    (warning,) = read_volume(folder).warnings
    assert "slices of 1.25 mm lie 2.9 mm apart" in warning


def test_a_missing_intercept_is_warned_about(folder):
    hu = plain().hu.copy()
    hu[0, 0, 0] = 2500
    write_series(Volume(hu, plain().grid), folder, RescaleIntercept=None, RescaleSlope=None)
    first, second = read_volume(folder).warnings
    assert "no RescaleIntercept" in first
    assert "0-based? Subtract 1024" in second
