"""A cohort: which pairs, what is kept, what a failure stops, and what is done again."""

import csv
import io
import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from tqdm import tqdm

from lesion_tracker.commands import track_cohort
from lesion_tracker.commands.cohort import run
from lesion_tracker.commands.cohort.cohort_file import read_cohort
from lesion_tracker.commands.cohort.job import track_job
from lesion_tracker.commands.cohort.plan import payload_of, steps_of
from lesion_tracker.commands.dispatch import main
from lesion_tracker.errors import FileFormatError
from lesion_tracker.studies import reading
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.commands.standin_job import answer

LESIONS = {"lesions": [{"id": name, "center_mm": [1.0, 2.0, 3.0], "radius_mm": 5.0} for name in ("a", "b")]}
DATES = ("20200101", "20200401", "20200701", "20201001")


@pytest.fixture
def cohort(tmp_path):
    """Return a function that writes a cohort: studies by patient, named by what is to happen with them."""
    (tmp_path / "lesions.json").write_text(json.dumps(LESIONS))

    def write(**patients):
        rows = [["patient", "date", "image", "lesions"]]
        for patient, names in patients.items():
            for n, name in enumerate(names):
                image = f"{patient}_{n}_{name}.nii.gz"
                if name != "absent" and not (tmp_path / image).exists():
                    (tmp_path / image).write_text("no volume: the stand-in does not read it")
                rows.append([patient, DATES[n], image, "" if n else "lesions.json"])
        path = tmp_path / "cohort.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return path

    return write


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Return a function that runs the command with the stand-in job and returns code, table and calls."""
    monkeypatch.setattr(track_cohort, "track_job", answer)

    def run(path, *words):
        log = tmp_path / "log"
        log.mkdir(exist_ok=True)
        (log / "calls").write_text("")
        arguments = ["track-cohort", path, "--out", tmp_path / "out", "--method", "affine", "--cache", log, *words]
        code = main([str(word) for word in arguments])
        table = tmp_path / "out" / "cohort.csv"
        rows = list(csv.DictReader(table.read_text().splitlines())) if table.exists() else []
        return code, rows, sorted((log / "calls").read_text().splitlines())

    return run


def by_pair(rows, lesion="a"):
    return {
        (row["patient"], row["way"], row["baseline_date"][4:6], row["followup_date"][4:6]): row
        for row in rows
        if row["lesion_id"] == lesion
    }


def test_every_later_study_from_the_first_and_from_the_one_before(cohort, call, tmp_path, capsys):
    code, rows, calls = call(cohort(p=["x", "y", "z", "w"]), "--workers", "2")
    assert code == 0
    found = {key[1:]: float(row["z_mm"]) for key, row in by_pair(rows).items()}
    assert found == {
        **{("first", "01", "04"): 13, ("first", "01", "07"): 13, ("first", "01", "10"): 13},
        **{("chain", "04", "07"): 23, ("chain", "07", "10"): 33},  # from where the step before found it
    }
    assert len(rows) == 2 * 5
    assert len(calls) == 5
    assert "5 pairs: 5 tracked, 0 known already, 0 failed" in capsys.readouterr().out
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["tracked"] == 5
    assert facts["pairs_per_hour"] > 0


@pytest.mark.long
def test_a_second_run_does_only_what_is_missing(cohort, call, tmp_path, capsys):
    path = cohort(p=["x", "y", "z"])
    first = call(path)[1]
    torn = sorted((tmp_path / "out" / "pairs").iterdir())[0]
    torn.write_text("{")
    code, rows, calls = call(path)
    assert (code, rows) == (0, first)
    assert len(calls) == 1
    assert "3 pairs: 1 tracked, 2 known already" in capsys.readouterr().out
    (tmp_path / "lesions.json").write_text(json.dumps({"lesions": LESIONS["lesions"][:1]}))
    assert len(call(path)[2]) == 3  # other lesions: nothing of it is known
    cohort(p=["x", "y", "z"], q=["x", "y"])
    assert len(call(path)[2]) == 1  # another patient: the rest is


@pytest.mark.long
def test_a_failed_pair_stops_only_what_follows_from_it(cohort, call, capsys):
    names = {"p": ["x", "broken", "z"], "q": ["x", "fatal", "z"], "r": ["x", "absent", "z"], "s": ["x", "y", "z"]}
    code, rows, _ = call(cohort(**names))
    assert code == 0
    found = by_pair(rows)
    assert found["p", "first", "01", "04"]["error"] == "they do not match"
    assert found["q", "first", "01", "04"]["error"] == "its process died 2 times: out of memory?"
    assert "r_1_absent.nii.gz cannot be read: No such file" in found["r", "first", "01", "04"]["error"]
    for patient in "pqr":
        assert found[patient, "first", "01", "07"]["error"] == ""
        assert "the pair before it in the chain" in found[patient, "chain", "04", "07"]["error"]
    assert found["s", "chain", "04", "07"]["z_mm"] == "23.0"
    out, err = capsys.readouterr()
    assert "12 pairs: 6 tracked, 0 known already, 6 failed" in out
    assert "failed: p, 20200101 to 20200401 (first): they do not match" in err
    assert len(call(cohort(**{**names, "p": ["x", "y", "z"]}))[2]) >= 2  # what failed is tried again


def test_a_path_that_no_system_takes_stops_only_its_patient(cohort, call, tmp_path, monkeypatch):
    path = cohort(p=["x", "y"], q=["x", "y"], r=["x", "y"], s=["x", "y"])
    text = path.read_text().replace("p_1_y", "n" * 300).replace("q_1_y", "q\0y")
    path.write_text(text)
    forbidden = tmp_path / "r_1_y.nii.gz"
    real = reading.series_in

    def series_in(study, **accepted):
        if study == forbidden:
            raise PermissionError(13, "Permission denied")
        return real(study, **accepted)

    monkeypatch.setattr(reading, "series_in", series_in)
    code, rows, calls = call(path)
    assert code == 0
    errors = {patient: row["error"] for (patient, *_), row in by_pair(rows).items()}
    assert "File name too long" in errors["p"]
    assert "null byte" in errors["q"]
    assert f"{forbidden}" in errors["r"]
    assert "Permission denied" in errors["r"]
    assert errors["s"] == ""
    assert len(calls) == 1


@pytest.mark.long
def test_ctrl_c_leaves_a_table_of_what_is_done(cohort, call, monkeypatch, capsys):
    path = cohort(p=["x", "y"], q=["x", "y"])
    finish = run._Cohort.finish

    def interrupted(job, outcome):
        finish(job, outcome)
        raise KeyboardInterrupt

    monkeypatch.setattr(run._Cohort, "finish", interrupted)
    code, rows, _ = call(path)
    assert code == 130
    found = sorted(row["error"] for row in by_pair(rows).values())
    assert found == ["", run.STOPPED]
    monkeypatch.setattr(run._Cohort, "finish", finish)
    code, rows, calls = call(path)
    assert (code, len(calls)) == (0, 1)
    assert "2 pairs: 1 tracked, 1 known already, 0 failed" in capsys.readouterr().out


def test_without_ray_it_says_what_to_install(cohort, call, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "lesion_tracker.commands.work.on_ray", raising=False)
    code, rows, _ = call(cohort(p=["x", "y"]), "--ray", "local")
    assert (code, rows) == (2, [])
    assert "pip install" in capsys.readouterr().err


def test_pairs_that_were_done_say_nothing_of_the_time_that_is_left():
    with tqdm(total=10, file=io.StringIO()) as bar:
        for _ in range(8):
            track_cohort._advance(bar, True)
        assert (bar.n, bar.initial) == (8, 8)
        track_cohort._advance(bar, False)
        assert (bar.n, bar.initial) == (9, 8)


def test_a_slice_that_is_overwritten_in_its_folder_is_another_study(cohort, tmp_path):
    path = cohort(p=["x", "y"])
    step = steps_of(read_cohort(path))[0]
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "1.dcm").write_text("one")
    os.utime(folder / "1.dcm", ns=(1, 1))
    step = replace(step, followup=replace(step.followup, image=folder))
    before = payload_of(step, step.lesions, {})["stamp"]
    assert payload_of(step, step.lesions, {})["stamp"] == before
    os.utime(folder / "1.dcm", ns=(2, 2))
    assert payload_of(step, step.lesions, {})["stamp"] != before


@pytest.mark.long
def test_a_process_that_dies_once_is_forgiven(cohort, call):
    _, rows, calls = call(cohort(p=["x", "once"]))
    assert by_pair(rows)["p", "first", "01", "04"]["error"] == ""
    assert len(calls) == 2


def test_a_lesion_that_was_not_scanned_is_not_chained(cohort, call):
    _, rows, _ = call(cohort(p=["x", "short", "z"]))
    found = by_pair(rows)
    assert found["p", "first", "01", "04"]["state"] == "outside"
    assert "the study before shows the place of none" in found["p", "chain", "04", "07"]["error"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1: the column 'patient' is missing, the columns are"),
        ("patient,date\n", "wanted are patient, date, image"),
        ("patient,date,image,lesion\n", "row 1: unknown or repeated columns in .*wanted are patient, date, image"),
        ("patient,date,image\n", "has no studies"),
        ("patient,date,image\np,20200101\n", "row 2: 2 cells for 3 columns"),
        ("patient,date,image\np,20200101,\n", "row 2: the cell 'image' is empty"),
        ("patient,date,image\np,20201301,a.nii\n", "row 2: '20201301' is no date"),
        ("patient,date,image\np,20200101,a\np,2020-01-01,b\n", "rows 2 and 3: two studies of 'p' on 20200101"),
        ("patient,date,image\np,20200101,a\np,20200102,b\n", "row 2: the earliest study of 'p' needs a lesions file"),
        (
            "patient,date,image,lesions\np,20200101,a,lesions.json\np,20200102,b,lesions.json\n",
            "row 3: lesions are tracked from the earliest study of 'p' .row 2.; leave this cell empty",
        ),
        ("patient,date,image,lesions\np,20200101,a,none.json\np,20200102,b,\n", "row 2: there is no file .*none.json"),
    ],
)
def test_a_wrong_cohort_is_refused_with_its_row(tmp_path, text, message):
    (tmp_path / "lesions.json").write_text(json.dumps(LESIONS))
    path = tmp_path / "cohort.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_cohort(path)


def test_a_patient_with_one_study_is_a_row_with_that_note(cohort, call):
    code, rows, _ = call(cohort(p=["x", "y"], q=["z"]))
    assert code == 0
    (alone,) = [row for row in rows if row["patient"] == "q"]
    assert alone["error"] == "one study only: there is nothing to track to"
    assert alone["followup_date"] == alone["lesion_id"] == ""
    assert [row["error"] for row in rows if row["patient"] == "p"] == ["", ""]


def test_rows_may_stand_in_any_order(tmp_path):
    (tmp_path / "lesions.json").write_text(json.dumps(LESIONS))
    path = tmp_path / "cohort.csv"
    path.write_text("date,lesions,patient,image\n2020-07-01,,p,c\n2020-01-01,lesions.json,p,a\n2020-04-01,,p,b\n")
    steps = steps_of(read_cohort(path))
    assert [(s.way, s.baseline.image.name, s.followup.image.name) for s in steps] == [
        *(("first", "a", "b"), ("first", "a", "c"), ("chain", "b", "c"))
    ]
    assert steps[2].after == steps[0]


def test_a_worker_tracks_a_pair_from_plain_values(studies, quick_track, tmp_path):
    (tmp_path / "lesions.json").write_text(
        json.dumps({"lesions": [{**LESIONS["lesions"][0], "center_mm": [30, 30, 30]}]})
    )
    path = tmp_path / "cohort.csv"
    names = [study.name for study in studies]
    path.write_text(f"patient,date,image,lesions\np,20200101,{names[0]},lesions.json\np,20200401,{names[1]},\n")
    (step,) = steps_of(read_cohort(path))
    options = {
        "method": "affine",
        "weights": None,
        "device": "cpu",
        "cache": None,
        "model_sha256": None,
        "measure": "no",
        "refine": "no",
    }
    payload = json.loads(json.dumps(payload_of(step, step.lesions, options)))
    (found,) = track_job(payload)["tracks"]
    assert found["center_mm"] == [33.0, 30.0, 34.0]  # the stand-in of conftest.py
    assert found["followup_study"] == "p__20200401"
    assert quick_track[0]["method"] == "affine"
    other = payload_of(step, step.lesions, {**options, "model_sha256": "other weights"})
    assert other["stamp"] != payload["stamp"]


def test_wrong_words_are_bad_input(cohort, call, capsys):
    assert call(cohort(p=["x", "y"]), "--workers", "0")[0] == 2
    assert "--workers must be at least 1, got 0" in capsys.readouterr().err
    assert main(["track-cohort", "none.csv", "--out", "x"]) == 2
    assert "there is no file none.csv" in capsys.readouterr().err


def dicom_study(folder, frames):
    """Write a study with a folder for each frame of reference in `frames`, each a series one slice longer."""
    for number, (name, frame) in enumerate(frames.items()):
        grid = Grid.from_parts((8, 8, 20 + number), np.array([2.0, 2.0, 5.0]), np.zeros(3), np.eye(3))
        uids = {"study_uid": uid_of("tests", folder.name), "series_uid": uid_of("tests", folder.name, name)}
        volume = Volume(np.zeros(grid.shape, np.int16), grid)
        more = {"study_date": "20200101", "description": name, "frame_of_reference_uid": frame}
        write_dicom_series(volume, folder / name, patient_id="p", **uids, **more)


@pytest.mark.long
def test_of_a_studys_folder_a_series_is_chosen_shown_and_can_be_named(cohort, call, tmp_path, capsys):
    cohort(p=["x"])
    dicom_study(tmp_path / "ct_0", {"a": "1.2.3", "b": "1.2.3"})
    dicom_study(tmp_path / "ct_1", {"a": "1.2.4", "b": "1.2.5"})
    table = "patient,date,image,lesions\np,20200101,ct_0,lesions.json\np,20200401,{},\n"
    path = tmp_path / "cohort.csv"
    path.write_text(table.format("ct_1"))
    code, rows, calls = call(path)
    assert (code, [row["error"] for row in rows], len(calls)) == (0, ["", ""], 1)
    assert calls[0].startswith("b b ")  # the longest of each
    shown = capsys.readouterr().err
    for study in ("ct_0", "ct_1"):
        assert f"{study}: chose series b (b: 105 mm in slices 5 mm apart); not a (a: 100 mm" in shown
    assert len(json.loads((tmp_path / "out" / "run.json").read_text())["choices"]) == 2
    path.write_text(table.format("ct_1/a"))
    assert call(path)[2][0].startswith("b a ")
    path.write_text(table.format("x").replace("ct_0", "ct_1"))
    (tmp_path / "x").touch()
    _, rows, calls = call(path)
    assert calls == []
    assert "the lesions could belong to any of the series a" in rows[0]["error"]
