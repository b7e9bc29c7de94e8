"""`track` writes what was asked for, in the formats of the design, or says why not."""

import json
import re

import pytest

from lesion_tracker.commands.dispatch import main
from lesion_tracker.network.weights import CARD_FILE

LESIONS = {"lesions": [{"id": "lesion_1", "center_mm": [30.0, 30.0, 30.0], "radius_mm": 10.0}]}


@pytest.fixture
def call(studies, write, tmp_path):
    """Return a function that runs the command on the two studies with further words."""
    lesions = write("lesions.json", LESIONS)

    def run(*words, lesions=lesions, baseline=studies[0], followup=studies[1], out=tmp_path / "tracks.json"):
        arguments = ["track", baseline, followup, "--lesions", lesions, "--out", out, *words]
        return main([str(argument) for argument in arguments])

    return run


def test_tracks_json_picture_table_and_markups(call, quick_track, tmp_path, write, capsys):
    truth = write("truth.json", {"lesions": [{"id": "lesion_1", "center_mm": [30, 30, 30], "radius_mm": 10}]})
    files = {name: tmp_path / name for name in ("p.png", "t.csv", "m.json")}
    words = ("--picture", files["p.png"], "--csv", files["t.csv"], "--markups", files["m.json"], "--truth", truth)
    assert call("--method", "affine", *words) == 0
    data = json.loads((tmp_path / "tracks.json").read_text())
    assert set(data) == {"schema", "tracks", "seconds"}
    assert data["schema"] == 1
    assert set(data["seconds"]) == {"load", "registration", "network", "total"}
    assert (data["seconds"]["registration"], data["seconds"]["network"]) == (2.0, 0.5)
    (track,) = data["tracks"]
    assert track["center_mm"] == [33.0, 30.0, 34.0]
    assert (track["baseline_study"], track["followup_study"]) == ("p__20200101", "p__20200401")
    assert all(path.stat().st_size > 100 for path in files.values())
    out, err = capsys.readouterr()
    assert "lesion_1  found" in out
    assert "33.0     30.0     34.0" in out
    assert err == "warning: a test study\n"
    (asked,) = quick_track
    assert (asked["method"], asked["model"], asked["cache"]) == ("affine", None, None)


def test_a_cache_folder_is_used(call, quick_track, tmp_path):
    assert call("--cache", tmp_path / "cache") == 0
    assert quick_track[0]["cache"] is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"lesions": []}, "'lesions' of .*lesions2.json is empty"),
        ({"lesions": [{"id": "a", "center_mm": [1, 2, 3]}]}, "lesion 1: lesion 'a' lacks 'radius_mm'"),
        ({"lesions": LESIONS["lesions"] * 2}, "lesions 1 and 2 have the same id 'lesion_1'"),
    ],
)
def test_wrong_lesions_are_bad_input(call, quick_track, write, tmp_path, capsys, content, message):
    assert call(lesions=write("lesions2.json", content)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)
    assert not (tmp_path / "tracks.json").exists()
    assert quick_track == []


def test_a_lesion_outside_the_baseline_is_bad_input(call, write, capsys):
    outside = write("outside.json", {"lesions": [{"id": "far", "center_mm": [30, 30, 99], "radius_mm": 5}]})
    assert call(lesions=outside) == 2
    error = capsys.readouterr().err
    assert "'far'" in error
    assert "is outside study 'p__20200101', which spans" in error


def test_a_study_against_itself_is_bad_input(call, studies, quick_track, tmp_path, capsys):
    copy = tmp_path / "copy__20200601.nii.gz"
    copy.write_bytes(studies[0].read_bytes())
    assert call("--any-pair", followup=copy) == 2
    assert "hold the same voxels: the same study twice?" in capsys.readouterr().err
    assert quick_track == []


def test_a_missing_study_or_folder_is_bad_input(call, quick_track, tmp_path, capsys):
    assert call(followup=tmp_path / "none.nii.gz") == 2
    assert "none.nii.gz: there is no such file or folder" in capsys.readouterr().err
    assert call(out=tmp_path / "none" / "tracks.json") == 2
    assert "there is no folder" in capsys.readouterr().err
    assert call(out=tmp_path) == 2
    assert "it is a folder" in capsys.readouterr().err
    assert call("--picture", tmp_path / "p.docx") == 2
    assert "--picture is one of .png" in capsys.readouterr().err
    assert quick_track == []


def test_no_result_replaces_another_one_or_what_is_read(call, studies, quick_track, write, tmp_path, capsys):
    lesions = write("mine.json", LESIONS)
    for out, words in (
        (lesions, ()),
        (studies[0], ()),
        (tmp_path / "t.csv", ("--csv", tmp_path / "." / "t.csv")),
        (tmp_path / "t.json", ("--truth", lesions, "--markups", lesions)),
    ):
        assert call(*words, lesions=lesions, out=out) == 2
        assert re.search("it is (read by this|named for another)", capsys.readouterr().err)
    assert json.loads(lesions.read_text()) == LESIONS
    assert quick_track == []


def test_weights_that_are_named_must_be_there(call, quick_track, tmp_path, capsys):
    assert call("--weights", tmp_path / "none") == 1
    assert "there are no published weights" in capsys.readouterr().err
    assert call("--method", "dlt", "--weights", tmp_path / "none") == 1
    assert quick_track == []


def test_auto_does_without_weights_where_none_are_published(call, quick_track, tmp_path, monkeypatch):
    monkeypatch.setattr("lesion_tracker.commands.options.MODEL", tmp_path / "empty")
    assert call() == 0
    assert quick_track[0]["model"] is None
    assert call("--method", "dlt") == 1


def test_torn_published_weights_are_a_fault(call, quick_track, tmp_path, monkeypatch, capsys):
    (tmp_path / CARD_FILE).write_text("{")
    monkeypatch.setattr("lesion_tracker.commands.options.MODEL", tmp_path)
    assert call() == 1
    assert "torn" in capsys.readouterr().err
    assert call("--method", "affine") == 0  # needs none
