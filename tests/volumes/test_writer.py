"""Writers: whole or not at all, and DICOM that other programs accept."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_dicom_series, write_volume
from tests.volumes.made import plain, write_series

IDS = {"patient_id": "P1", "study_uid": "1.2.3", "series_uid": "1.2.3.4", "study_date": "20240131"}


def test_a_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "v.nii.gz"
    path.write_bytes(b"old")
    write_volume(plain(), path)
    assert np.array_equal(read_volume(path).hu, plain().hu)
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.nii.gz"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "v.nii.gz"
    path.write_bytes(b"old")

    def full(_image, name, _compress):
        with open(name, "wb") as stream:
            stream.write(b"half")
        raise RuntimeError("no space left on device")

    monkeypatch.setattr(sitk, "WriteImage", full)
    with pytest.raises(StudyError, match=r"v\.nii\.gz: it cannot be written \(no space left"):
        write_volume(plain(), path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.nii.gz"]


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"v\.png: .*\.nii\.gz, \.nii, \.nrrd"):
        write_volume(plain(), tmp_path / "v.png")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(StudyError, match="cannot be written"):
        write_volume(plain(), tmp_path / "nowhere" / "v.nii")


def test_float_volumes_keep_their_fractions(tmp_path):
    volume = Volume(plain().hu.astype(np.float32) / 4, plain().grid)
    write_volume(volume, tmp_path / "v.nii.gz")
    assert np.array_equal(read_volume(tmp_path / "v.nii.gz").hu, volume.hu)


def test_a_series_says_what_a_pacs_asks_for(tmp_path):
    files = write_dicom_series(plain(), tmp_path / "s", **IDS, study_time="091500", description="made up")
    first, second = (pydicom.dcmread(path) for path in files[:2])
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SOPClassUID.name == "CT Image Storage"
    assert (first.PatientID, str(first.PatientName), first.Modality) == ("P1", "P1", "CT")
    assert (first.StudyInstanceUID, first.SeriesInstanceUID) == ("1.2.3", "1.2.3.4")
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID != first.SeriesInstanceUID
    assert (first.StudyDate, first.StudyTime, first.AcquisitionTime) == ("20240131", "091500", "091500")
    assert (first.InstanceNumber, second.InstanceNumber, first.SeriesNumber) == (1, 2, 1)
    assert list(first.PixelSpacing) == [1.3, 0.7]  # between rows (y), between columns (x)
    assert (first.SliceThickness, first.SpacingBetweenSlices) == (2.9, 2.9)
    assert list(first.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    assert list(second.ImagePositionPatient) == pytest.approx([-31.25, 47.5, -803.75 + 2.9])
    assert (first.RescaleSlope, first.RescaleIntercept) == (1, -1024)
    assert np.array_equal(first.pixel_array.astype(int) - 1024, plain().hu[0])
    assert second.SeriesDescription == "made up"


def test_the_same_series_has_the_same_uids(tmp_path):
    def uids(folder, series):
        return [pydicom.dcmread(path).SOPInstanceUID for path in write_series(plain(), tmp_path / folder, series)]

    assert uids("one", "a") == uids("two", "a")
    assert not set(uids("three", "a")) & set(uids("four", "b"))


def test_itk_lists_one_series_in_the_right_order(tmp_path):
    files = write_dicom_series(plain(), tmp_path / "s", **IDS)
    assert sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(tmp_path / "s")) == ("1.2.3.4",)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "s"))
    assert list(names) == [str(path) for path in files]


def test_fractions_are_rounded_in_dicom(tmp_path):
    write_dicom_series(Volume(plain().hu + np.float32(0.4), plain().grid), tmp_path / "s", **IDS)
    assert np.array_equal(read_volume(tmp_path / "s").hu, plain().hu)


def test_high_values_do_without_the_offset(tmp_path):
    hu = plain().hu.copy()
    hu[0, 0, 0] = 32767
    write_dicom_series(Volume(hu, plain().grid), tmp_path / "s", **IDS)
    assert np.array_equal(read_volume(tmp_path / "s").hu, hu)


def test_values_beyond_16_bits_are_refused(tmp_path):
    hu = plain().hu.astype(np.float32)
    hu[0, 0, 0] = 40000
    with pytest.raises(StudyError, match=r"span -1000 to 40000, more than DICOM's 16 bits"):
        write_dicom_series(Volume(hu, plain().grid), tmp_path / "s", **IDS)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "x").touch()
    with pytest.raises(StudyError, match="s: it exists and is not an empty folder"):
        write_dicom_series(plain(), tmp_path / "s", **IDS)


def test_a_failed_series_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pydicom.dataset.FileDataset, "save_as", full)
    with pytest.raises(StudyError, match="No space left on device"):
        write_dicom_series(plain(), tmp_path / "s", **IDS)
    assert list(tmp_path.iterdir()) == []
