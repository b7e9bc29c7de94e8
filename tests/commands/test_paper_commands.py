"""Convert, predict, evaluate: the three commands of the paper's tables on a tiny data set with a known truth."""

import json

import pytest

from lesion_tracker.commands.dispatch import main
from tests.paper.tiny_deeplesion import make, volume_name

SECOND = volume_name("000001_02_01")


@pytest.fixture
def tiny(tmp_path):
    return make(tmp_path)


@pytest.fixture
def convert(tiny, tmp_path):
    """Return a function that converts the data set and returns the exit code."""
    out = tmp_path / "volumes"

    def run(*words):
        return main(["convert-deeplesion", *map(str, (tiny.images, "--info", tiny.info, "--out", out, *words))])

    return run


def manifest(tmp_path):
    return json.loads((tmp_path / "volumes" / "volumes.json").read_text())


@pytest.mark.long
def test_convert_goes_on_and_verifies(convert, tiny, tmp_path, capsys):
    assert convert("--workers", "1", "--dls", tiny.annotations) == 0
    assert "2 volumes: 2 written, 0 known already, 0 without a file, 0 damaged" in capsys.readouterr().out
    before = manifest(tmp_path)["volumes"]
    (tmp_path / "volumes" / SECOND).unlink()
    assert convert("--workers", "1") == 0
    assert "1 written, 1 known already" in capsys.readouterr().out
    assert manifest(tmp_path)["volumes"] == before  # the same bytes again
    (tmp_path / "volumes" / SECOND).write_bytes(b"a faulty disk")
    assert convert("--workers", "1") == 1
    err = capsys.readouterr().err
    assert f"{SECOND}: its hash is not that of what was written; run again" in err
    assert not (tmp_path / "volumes" / SECOND).exists()


@pytest.mark.long
def test_a_missing_slice_is_named_and_the_rest_is_converted(convert, tiny, tmp_path, capsys):
    (tiny.images / "000001_02_01" / "020.png").unlink()
    assert convert("--workers", "1") == 2
    out, err = capsys.readouterr()
    assert "1 written, 0 known already, 1 without a file" in out
    assert "000001_02_01/020.png" in err
    assert [path.name for path in (tmp_path / "volumes").glob("*.nii.gz")] == [volume_name("000001_01_01")]
    assert list(manifest(tmp_path)["failed"]) == [SECOND]


@pytest.mark.long
def test_predictions_of_both_directions_meet_the_truth(convert, tiny, tmp_path, capsys):
    assert convert("--workers", "1") == 0
    volumes, out, scores = tmp_path / "volumes", tmp_path / "predictions.json", tmp_path / "scores.json"
    words = ["predict-dls", tiny.annotations, "--volumes", volumes, "--out", out, "--method", "affine", "--robustness"]
    assert main([str(word) for word in words]) == 0
    assert "40 answers for 4 directed pairs; 0 without a registration" in capsys.readouterr().out
    assert main([str(w) for w in ["evaluate-dls", out, "--annotations", tiny.annotations, "--out", scores]]) == 0
    found = json.loads(scores.read_text())
    assert found["robustness"]["original"]["med_mm"] < 3.0  # 5 mm voxels, a body moved by 14 mm
    assert found["robustness"]["all"]["n"] == 40
    assert found["robustness"]["change"]["med_mm"] > 0  # a shifted click is answered shifted
    first = out.read_text()
    assert main([str(word) for word in words]) == 0  # all known already
    assert json.loads(out.read_text())["results"] == json.loads(first)["results"]
    assert main([str(w) for w in [*words[:-1]]]) == 2
    assert "was begun with robustness = True, now it is False" in capsys.readouterr().err


def test_volumes_that_are_not_there_are_named_before_the_work(tiny, tmp_path, capsys):
    words = ["predict-dls", tiny.annotations, "--volumes", tmp_path, "--out", tmp_path / "p.json"]
    assert main([str(word) for word in words]) == 2
    assert "lacks 000001_01_01_003-042.nii.gz and 1 more: run convert-deeplesion first" in capsys.readouterr().err


def test_wrong_folders_are_bad_input(convert, tiny, tmp_path, capsys):
    assert convert("--workers", "0") == 2
    words = ["convert-deeplesion", tmp_path / "none", "--info", tiny.info, "--out", tmp_path / "v"]
    assert main([str(word) for word in words]) == 2
    assert "there is no folder" in capsys.readouterr().err
