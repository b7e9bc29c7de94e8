"""A folder of studies as people have it: hidden files, links, two files of one name, DICOM series in any layout."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.studies.folder_index import FolderIndex
from lesion_tracker.volumes.dicom_writer import uid_of
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.writer import write_volume
from tests.volumes.made import edit, plain, write_series


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "studies" / "labels").mkdir(parents=True)
    return tmp_path / "studies"


def put(path: Path) -> Path:
    """Write a volume, or a series into a folder; its UID follows from the folder's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        write_volume(plain(), path)
    else:
        write_series(plain(), path, path.name)
    return path


def test_image_files_and_series_are_entries_and_the_rest_is_not(folder: Path) -> None:
    put(folder / "a__20200101.nii.gz")
    put(folder / "b__20200101.mhd")
    put(folder / "PAT1" / "CT" / "thin")
    put(folder / "PAT2")
    write_series(plain(), folder / "labels" / "no", "no")
    for name in ("._a__20200101.nii.gz", ".hidden.nii.gz", ".DS_Store", "Thumbs.db", "studies.csv", "notes.txt"):
        (folder / name).write_bytes(b"\0\5\x16\7")
    index = FolderIndex(folder)
    entries = index.entries()
    assert {name: (entry.path.relative_to(folder), entry.is_series) for name, entry in entries.items()} == {
        "a__20200101": (Path("a__20200101.nii.gz"), False),
        "b__20200101": (Path("b__20200101.mhd"), False),
        uid_of("thin"): (Path("PAT1/CT/thin"), True),
        uid_of("PAT2"): (Path("PAT2"), True),
    }
    assert index.problems() == []


def test_an_upper_case_ending_is_one(folder: Path) -> None:
    put(folder / "a.nii.gz").rename(folder / "P4__20200401.NII.GZ")
    (entry,) = FolderIndex(folder).entries().values()
    assert (entry.id, entry.path.name) == ("P4__20200401", "P4__20200401.NII.GZ")


def test_what_has_a_name_that_is_no_text_is_passed_over_and_said(folder: Path) -> None:
    """Linux takes any bytes as a name; one from an old archive made the list of all studies fail."""
    put(folder / "a__20200101.nii.gz")
    latin_1 = os.fsdecode("Müller".encode("latin-1"))
    shutil.copy(folder / "a__20200101.nii.gz", folder / f"{latin_1}__20200101.nii.gz")
    put(folder / "PAT1" / "thin").rename(folder / "PAT1" / latin_1)
    for _ in range(2):  # learnt, and kept
        index = FolderIndex(folder, kept=folder.parent / "series.json")
        assert list(index.entries()) == ["a__20200101"]
        assert index.problems() == [
            "M\\udcfcller__20200101.nii.gz and 1 other files and folders passed over: the name is no text (UTF-8): rename it"
        ]


@pytest.mark.parametrize("other", ["P3.nrrd", "P3.nii", "P3.NII.GZ"])
def test_two_files_of_one_id_are_none_of_them(folder: Path, other: str) -> None:
    first = put(folder / "P3.nii.gz")
    shutil.copy(first, folder / other)
    put(folder / "P4.nii.gz")
    index = FolderIndex(folder)
    assert not index.entries()["P4"].problem
    problem = index.entries()["P3"].problem
    assert "it is 2 files" in problem
    assert "P3.nii.gz" in problem
    assert other in problem
    assert index.problems() == [f"P3: {problem}"]
    (folder / other).unlink()
    assert FolderIndex(folder).problems() == []


def test_series_in_any_layout_are_entries_that_can_be_read(folder: Path) -> None:
    flat, parts, shared = (put(folder / name) for name in ("flat", "parts", "shared"))
    for path in sorted(flat.iterdir()):
        path.rename(folder / f"f{path.name}")
    flat.rmdir()
    for number, path in enumerate(sorted(parts.iterdir())):
        (folder / f"DIR{number % 2}").mkdir(exist_ok=True)
        path.rename(folder / f"DIR{number % 2}" / path.name)
    parts.rmdir()
    for path in sorted(shared.iterdir()):
        path.rename(folder / "DIR1" / f"s{path.name}")
    shared.rmdir()
    entries = FolderIndex(folder).entries()
    assert set(entries) == {uid_of(name) for name in ("flat", "parts", "shared")}
    for entry in entries.values():
        assert np.array_equal(read_volume(entry.path).hu, plain().hu)
        assert len(entry.files) == 4


def test_what_is_no_scan_is_passed_over_in_one_sentence(folder: Path) -> None:
    put(folder / "scan")
    for name in ("report", "report2"):
        for path in put(folder / name).iterdir():
            edit(path, Modality="SR")
    for path in put(folder / "scout").iterdir():
        edit(path, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    put(folder / "PAT1" / "inner.nii.gz")
    put(folder / "PAT1" / "other.nii.gz")
    index = FolderIndex(folder)
    assert set(index.entries()) == {uid_of("scan")}
    below, scans = index.problems()
    assert below.startswith("PAT1/inner.nii.gz and 1 other image files passed over")
    assert "DICOM series that are no scans passed over" in scans
    assert scans.endswith("; and 2 more")
    assert set(FolderIndex(folder, any_modality=True).entries()) >= {uid_of("scan"), uid_of("report")}


def test_a_damaged_file_is_a_problem_of_its_series_until_it_is_whole(folder: Path) -> None:
    series = put(folder / "scan")
    whole = (series / "00002.dcm").read_bytes()
    (series / "00002.dcm").write_bytes(whole[:300])
    index = FolderIndex(folder)
    (entry,) = index.entries().values()
    assert "00002.dcm" in entry.problem
    (series / "00002.dcm").write_bytes(whole)
    (entry,) = index.entries(now=True).values()
    assert (entry.problem, len(entry.files)) == ("", 4)


def test_what_changes_is_seen_and_what_is_known_is_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = folder / ".lesion_tracker" / "series.json"
    put(folder / "one")
    index = FolderIndex(folder, kept)
    assert set(index.entries()) == {uid_of("one")}
    os.utime(folder / "one", ns=(1, 1))  # long ago: the folder is settled
    index.entries(now=True)
    put(folder / "two")
    assert set(index.entries(now=True)) == {uid_of("one"), uid_of("two")}
    shutil.rmtree(folder / "two")
    assert set(index.entries(now=True)) == {uid_of("one")}
    read: list[Path] = []
    from lesion_tracker.studies import series_index

    real = series_index.read_header
    monkeypatch.setattr(series_index, "read_header", lambda path: read.append(path) or real(path))
    assert set(FolderIndex(folder, kept).entries()) == {uid_of("one")}
    assert read == []
    kept.write_text("torn")
    assert set(FolderIndex(folder, kept).entries()) == {uid_of("one")}
    assert len(read) == 4


def test_links_are_entries_by_their_own_names(folder: Path, tmp_path: Path) -> None:
    archive = put(tmp_path / "archive" / "REALNAME__20180101.nii.gz")
    (folder / "PSEUDO1__20200101.nii.gz").symlink_to(archive)
    (folder / "GONE__20200101.nii.gz").symlink_to(tmp_path / "nothing.nii.gz")
    index = FolderIndex(folder)
    assert index.entries()["PSEUDO1__20200101"].path == folder / "PSEUDO1__20200101.nii.gz"
    assert "GONE__20200101" not in index.entries()
    (problem,) = index.problems()
    assert "GONE__20200101.nii.gz is passed over: it is a link that leads nowhere" in problem
    index.remove(index.entries()["PSEUDO1__20200101"])
    assert archive.exists()
    assert not (folder / "PSEUDO1__20200101.nii.gz").is_symlink()
    assert index.entries() == {}


def test_removing_a_series_removes_its_files_and_no_others(folder: Path) -> None:
    put(folder / "PAT1" / "CT" / "one")
    put(folder / "PAT1" / "CT" / "two")
    shared = put(folder / "PAT2" / "three")
    (shared / "notes.txt").write_text("kept")
    index = FolderIndex(folder)
    index.remove(index.entries()[uid_of("one")])
    assert not (folder / "PAT1" / "CT" / "one").exists()
    assert len(list((folder / "PAT1" / "CT" / "two").iterdir())) == 4
    index.remove(index.entries()[uid_of("two")])
    assert not (folder / "PAT1").exists()
    index.remove(index.entries()[uid_of("three")])
    assert [path.name for path in shared.iterdir()] == ["notes.txt"]
    assert folder.is_dir()


def test_removing_a_series_behind_a_link_removes_the_link(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    put(archive / "one")
    put(archive / "two" / "a")
    put(archive / "two" / "b")
    (folder / "first").symlink_to(archive / "one")
    (folder / "second").symlink_to(archive / "two")
    index = FolderIndex(folder)
    assert set(index.entries()) == {uid_of("one"), uid_of("a"), uid_of("b")}
    index.remove(index.entries()[uid_of("one")])
    assert not (folder / "first").is_symlink()
    assert len(list((archive / "one").iterdir())) == 4
    with pytest.raises(InputError, match=r"behind the link second, which leads to 1 other series"):
        index.remove(index.entries()[uid_of("a")])
    assert len(list((archive / "two" / "a").iterdir())) == 4
    assert set(index.entries()) == {uid_of("a"), uid_of("b")}
