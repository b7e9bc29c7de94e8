"""A study's folder with a folder a series in it: one is chosen and shown, unless points could belong to any of them."""

from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import StudyError
from lesion_tracker.studies.series_folders import series_in
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume


def write(study: Path, name: str, slices: int, step_mm: float, frame: str = "1.2.3", modality: str = "CT") -> Path:
    grid = Grid.from_parts((8, 8, slices), np.array([2.0, 2.0, step_mm]), np.zeros(3), np.eye(3))
    volume = Volume(np.zeros(grid.shape, np.int16), grid)
    ids = {"patient_id": "p", "study_uid": uid_of("tests", study.name), "series_uid": uid_of("tests", study.name, name)}
    more = {"study_date": "20200101", "description": name, "frame_of_reference_uid": frame, "modality": modality}
    write_dicom_series(volume, study / name, **ids, **more)
    return study / name


def test_the_longest_then_the_thinnest_is_chosen_and_the_sentence_names_all(tmp_path: Path) -> None:
    study = tmp_path / "study"
    write(study, "thick", 20, 5.0)
    thin = write(study, "thin", 48, 2.0)
    write(study, "short", 30, 1.0)
    write(study, "report", 3, 5.0, modality="SR")
    (study / "notes").mkdir()
    chosen, sentence = series_in(study, has_lesions=True)  # one frame of reference: points belong to all
    assert chosen == thin
    assert sentence.startswith("study: chose series thin (thin: 96 mm in slices 2 mm apart); not ")
    assert "thick: 100 mm in slices 5 mm apart" in sentence
    assert "not CT" in sentence
    assert sentence.endswith("name another one's folder instead of the study's")
    assert read_volume(chosen).grid.size == (8, 8, 48)


def test_points_that_could_belong_to_several_series_are_refused(tmp_path: Path) -> None:
    study = tmp_path / "study"
    first = write(study, "first", 20, 5.0, frame="1.2.3")
    write(study, "second", 20, 5.0, frame="1.2.4")
    with pytest.raises(
        StudyError, match=r"could belong to any of the series first .*; second .*name another one's folder"
    ):
        series_in(study, has_lesions=True)
    assert series_in(study, has_lesions=False)[0] == first
    assert series_in(first, has_lesions=True) == (first, "")


def test_where_there_is_nothing_to_choose_the_path_stays_or_leads_to_the_only_series(tmp_path: Path) -> None:
    file, empty, study = tmp_path / "a.nii.gz", tmp_path / "empty", tmp_path / "study"
    file.touch()
    empty.mkdir()
    only = write(study, "only", 4, 5.0)
    for path in (file, empty, tmp_path / "missing"):
        assert series_in(path, has_lesions=True) == (path, "")
    assert series_in(study, has_lesions=True) == (only, "")
    with pytest.raises(StudyError, match="holds no DICOM images"):
        read_volume(empty)


def test_a_damaged_series_is_named_and_a_study_of_such_only_refused(tmp_path: Path) -> None:
    study = tmp_path / "study"
    torn = write(study, "torn", 4, 5.0)
    for path in torn.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    whole = write(study, "whole", 4, 5.0)
    chosen, sentence = series_in(study, has_lesions=True)
    assert chosen == whole
    assert "torn (no description: " in sentence
    for path in whole.iterdir():
        path.write_bytes(b"")
    with pytest.raises(StudyError, match=r"study: no usable series: torn .*; whole "):
        series_in(study, has_lesions=False)


def test_parts_of_one_series_are_no_choice(tmp_path: Path) -> None:
    study = tmp_path / "study"
    whole = write(study, "whole", 12, 5.0)
    for number, path in enumerate(sorted(whole.iterdir())):
        part = study / f"DIR{number // 8:03d}"
        part.mkdir(exist_ok=True)
        path.rename(part / path.name)
    whole.rmdir()
    assert series_in(study, has_lesions=True) == (study, "")
    assert read_volume(study).grid.size == (8, 8, 12)
    chosen, sentence = series_in(study / "DIR001", has_lesions=True)  # the smaller part was named
    assert chosen == study / "DIR001"
    assert sentence == (
        "DIR001: DIR000 beside it holds files of the same series: it may be a part of it; give the folder that holds them all"
    )


def test_a_series_in_parts_is_chosen_by_all_of_them(tmp_path: Path) -> None:
    """120 mm in two folders: neither half covers what the whole 80 mm of the other series do."""
    study = tmp_path / "study"
    long, short = write(study, "long", 24, 5.0), write(study, "short", 40, 2.0)
    for number, path in enumerate(sorted(long.iterdir())):
        part = study / f"DIR{number // 12:03d}"
        part.mkdir(exist_ok=True)
        path.rename(part / path.name)
    long.rmdir()
    chosen, sentence = series_in(study, has_lesions=True)
    assert chosen.name == f"study#{uid_of('tests', 'study', 'long')}"
    assert "short (short: 80 mm in slices 2 mm apart)" in sentence
    assert read_volume(chosen).grid.size == (8, 8, 24)
    assert read_volume(short).grid.size == (8, 8, 40)


def test_series_in_one_folder_are_a_choice(tmp_path: Path) -> None:
    study = tmp_path / "study"
    for name, slices in (("thick", 10), ("thin", 20)):
        for path in sorted(write(study, name, slices, 100 / slices).iterdir()):
            path.rename(study / f"{name}{path.name}")
        (study / name).rmdir()
    chosen, sentence = series_in(study, has_lesions=True)
    assert chosen.name == f"study#{uid_of('tests', 'study', 'thin')}"
    assert "thick: 100 mm in slices 10 mm apart" in sentence
    assert read_volume(chosen).grid.size == (8, 8, 20)


def test_a_damaged_part_spoils_its_series_and_no_other(tmp_path: Path) -> None:
    study = tmp_path / "study"
    parts, other = write(study, "parts", 20, 5.0), write(study, "other", 10, 5.0)
    (study / "DIR001").mkdir()
    for path in sorted(parts.iterdir())[12:]:
        path.rename(study / "DIR001" / path.name)
    torn = next((study / "DIR001").iterdir())
    torn.write_bytes(torn.read_bytes()[:300])
    chosen, sentence = series_in(study, has_lesions=True)
    assert chosen == other
    assert torn.name in sentence
