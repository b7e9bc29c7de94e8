"""A series lies in one folder, in several, among others, or twice: its parts are read together, or named."""

import shutil

import numpy as np
import pytest

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_folders import first_header, series_address, split_address
from lesion_tracker.volumes.dicom_writer import uid_of
from lesion_tracker.volumes.read_files import files_of, stamps_of
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.volumes.made import edit, plain, write_series


def spread(study, layout, name="a", volume=None):
    """Write a series and move its files: `layout` is a folder for each, relative to the study."""
    files = write_series(volume or plain((6, 5, len(layout))), study / f"all of {name}", name)
    for path, folder in zip(files, layout, strict=True):
        (study / folder).mkdir(parents=True, exist_ok=True)
        path.rename(study / folder / f"{name}{path.name}")
    (study / f"all of {name}").rmdir()


@pytest.mark.parametrize(
    "layout",
    [
        ("DIR000", "DIR000", "DIR000", "DIR001", "DIR001"),
        ("DIR000", "DIR001", "DIR000", "DIR001", "DIR002"),
        ("a/b/c", "a/b/c", "d", "d", "a"),
        (".", ".", "more", "more", "more"),
        (".", "more", ".", "more/still", "."),
    ],
)
def test_parts_in_several_folders_are_read_together(tmp_path, layout):
    study = tmp_path / "study"
    spread(study, layout)
    volume = read_volume(study)
    assert np.array_equal(volume.hu, plain((6, 5, 5)).hu)
    (warning,) = volume.warnings
    assert warning.startswith(f"the files of the series lie in {len(set(layout))} folders (")
    assert warning.endswith("); they were read together")


def test_one_folder_below_is_no_reason_for_a_word(tmp_path):
    spread(tmp_path / "study", ("S1/IMAGES",) * 4)
    assert read_volume(tmp_path / "study").warnings == ()


def test_a_part_that_is_missing_is_still_missing(tmp_path):
    study = tmp_path / "study"
    spread(study, ("DIR000", "DIR000", "DIR001", "DIR002", "DIR002"))
    shutil.rmtree(study / "DIR001")
    with pytest.raises(StudyError, match=r"1 missing slice"):
        read_volume(study)


def test_series_that_share_folders_are_named_and_read_by_their_uid(tmp_path):
    study = tmp_path / "study"
    other = Volume(plain((6, 5, 4)).hu + np.int16(3), plain((6, 5, 4)).grid)
    spread(study, ("DIR000", "DIR000", "DIR001", "DIR001"), "a")
    spread(study, ("DIR001", "DIR000", "DIR000", "DIR002"), "b", other)
    for name, volume in (("a", plain()), ("b", other)):
        for path in study.rglob("*.dcm"):
            if first_header(path.parent) is None:
                pytest.fail("a folder of the study has no header")
        assert np.array_equal(read_volume(series_address(study, uid_of(name))).hu, volume.hu)
    with pytest.raises(StudyError, match=r"the folder mixes 2 series: .*or name one as FOLDER#SeriesInstanceUID"):
        read_volume(study)
    with pytest.raises(StudyError, match=r"no file below the folder is of series 1\.2\.3"):
        read_volume(study.with_name("study#1.2.3"))


def test_copies_in_another_folder_do_not_count(tmp_path):
    study = tmp_path / "study"
    write_series(plain(), study / "first")
    shutil.copytree(study / "first", study / "second")
    assert np.array_equal(read_volume(study).hu, plain().hu)
    edit(study / "second" / "00002.dcm", ImagePositionPatient=[0, 0, 5])  # no copy any more: which one is right?
    with pytest.raises(StudyError):
        read_volume(study)


def test_hidden_and_system_files_are_passed_over(tmp_path):
    study = tmp_path / "study"
    spread(study, ("DIR000", "DIR001", "DIR001", "DIR000"))
    for name in ("._00001.dcm", ".DS_Store", "Thumbs.db", "desktop.ini", "DICOMDIR"):
        (study / "DIR000" / name).write_bytes(b"\0\5\x16\7 nothing of the kind")
    (study / "__MACOSX" / "DIR000").mkdir(parents=True)
    (study / "__MACOSX" / "DIR000" / "._00001.dcm").write_bytes(b"\0\5\x16\7")
    (study / ".Trashes").mkdir()
    shutil.copytree(study / "DIR000", study / ".Trashes" / "old")
    assert np.array_equal(read_volume(study).hu, plain().hu)


def test_a_link_that_leads_in_a_circle(tmp_path):
    study = tmp_path / "study"
    spread(study, ("DIR000", "DIR001", "DIR001", "DIR000"))
    (study / "DIR000" / "again").symlink_to(study)
    assert np.array_equal(read_volume(study).hu, plain().hu)


def test_a_name_with_a_sharp_is_a_name(tmp_path):
    write_volume(plain(), tmp_path / "v#1.2.nii.gz")
    write_series(plain(), tmp_path / "s#1.2")
    for path in (tmp_path / "v#1.2.nii.gz", tmp_path / "s#1.2"):
        assert split_address(path) == (path, "")
        assert np.array_equal(read_volume(path).hu, plain().hu)


def test_what_a_volume_is_read_from_changes_its_stamps(tmp_path):
    """A file of a series that is written over leaves its folder's own time as it was."""
    study = tmp_path / "study"
    spread(study, ("DIR000", "DIR000", "DIR001", "DIR001"))
    write_volume(plain(), tmp_path / "v.mhd")
    assert files_of(tmp_path / "v.mhd") == [tmp_path / "v.mhd", tmp_path / "v.raw"]
    assert len(files_of(study)) == len(files_of(series_address(study, uid_of("a")))) == 4
    for path, file in ((study, study / "DIR001" / "a00004.dcm"), (tmp_path / "v.mhd", tmp_path / "v.raw")):
        before = stamps_of(path)
        file.write_bytes(file.read_bytes())
        assert stamps_of(path) != before
    with pytest.raises(FileNotFoundError):
        stamps_of(tmp_path / "nothing")
