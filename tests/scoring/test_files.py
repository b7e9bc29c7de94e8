"""lesions.json, pairs.json and scores.json: what is read, what is refused, what is written."""

import hashlib
import json
import shlex

import numpy as np
import pytest

from lesion_tracker.commands.convert_deeplesion import read_manifest
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.files.lesions_file import read_lesions
from lesion_tracker.files.tracks_file import read_tracks
from lesion_tracker.paper.answers_file import read_answers
from lesion_tracker.paper.diameters import read_predicted
from lesion_tracker.paper.dls_file import read_dls
from lesion_tracker.paper.dls_pairs_file import read_dls_pairs
from lesion_tracker.scoring.cpm import score
from lesion_tracker.scoring.pairs_file import lesion_keys, read_pairs
from lesion_tracker.scoring.provenance import provenance
from lesion_tracker.scoring.scores_file import scores_json

LESION = {"id": "lesion_1", "center_mm": [1.0, 2.0, 3.0], "radius_mm": 8.0}
PAIR_LESION = {"id": "R1", "baseline_mm": [1, 2, 3], "followup_mm": [4, 5, 6], "radius_mm": 6.7}
PAIR = {"baseline": "a.nii.gz", "followup": "b.nii.gz", "lesions": [PAIR_LESION]}


def written(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(content))
    return path


def without(entry, key):
    return {k: v for k, v in entry.items() if k != key}


def test_lesions_are_read(tmp_path):
    named = {**LESION, "id": "lesion_2", "label": "apex", "tracking_uid": "1.2.3"}
    first, second = read_lesions(written(tmp_path, {"lesions": [LESION, named]}))
    assert (first.id, first.center_mm, first.radius_mm, first.label) == ("lesion_1", (1, 2, 3), 8, "lesion_1")
    assert (second.label, second.tracking_uid) == ("apex", "1.2.3")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([LESION], "must be a JSON object, got list"),
        ({}, "lacks 'lesions'"),
        ({"lesions": []}, "'lesions' of .* is empty"),
        (
            {"lesions": [LESION, {**LESION, "id": "b", "centre": 1}]},
            "lesion 2: lesion 'b' has the unknown key 'centre'",
        ),
        ({"lesions": [without(LESION, "radius_mm")]}, "lesion 1: lesion 'lesion_1' lacks 'radius_mm'"),
        ({"lesions": [LESION, LESION]}, "lesions 1 and 2 have the same id 'lesion_1'"),
        ({"lesions": [{**LESION, "radius_mm": 0.0}]}, "lesion 1.*radius_mm of 'lesion_1' must be between"),
        (
            {"lesions": [{**LESION, "center_mm": (1.0, 2.0)}]},
            r"lesion 1: lesion 'lesion_1': center_mm: .* three finite numbers .*, got \[1\.0, 2\.0\]",
        ),
        (
            {"lesions": [{**LESION, "label": 5}]},
            "lesion 1: lesion 'lesion_1': label: input should be a valid string, got '5'",
        ),
        (
            {"lesions": [{**LESION, "radius_source": "guessed"}]},
            "radius_source: .*'estimated', 'given', 'expected' or 'measured', got 'gu",
        ),
        ({"lesions": [{**LESION, "id": " "}]}, "lesion 1: lesion ' ': a lesion needs an id"),
        ({"lesions": [{**LESION, "schema": 2}]}, "lesion 1: a lesion of schema 2 cannot be read; this version reads 1"),
        ({"lesions": ["lesion_1"]}, "lesion 1: a lesion must be a JSON object, got str"),
    ],
)
def test_wrong_lesions_are_refused_with_their_number(tmp_path, content, message):
    with pytest.raises(FileFormatError, match=message):
        read_lesions(written(tmp_path, content))


def test_pairs_are_read_relative_to_their_file(tmp_path):
    grown = {**PAIR_LESION, "id": "R2", "followup_radius_mm": 9.0}
    content = {"pairs": [{**PAIR, "lesions": [PAIR_LESION, grown], "patient": "p", "note": "n"}]}
    (pair,) = read_pairs(written(tmp_path, content))
    assert (pair.baseline, pair.followup) == (tmp_path / "a.nii.gz", tmp_path / "b.nii.gz")
    assert [lesion.score_radius_mm for lesion in pair.lesions] == [6.7, 9.0]
    assert pair.lesions[1].lesion.radius_mm == 6.7
    assert pair.lesions[0].followup_mm == (4, 5, 6)
    assert (pair.patient, pair.note) == ("p", "n")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "'pairs' of .* is empty"),
        ([PAIR, without(PAIR, "followup")], "pair 2 lacks 'followup'"),
        ([{**PAIR, "lesion": []}], "pair 1 has the unknown key 'lesion'"),
        ([{**PAIR, "baseline": 3}], "pair 1: 'baseline' must be a path, got 3"),
        ([{**PAIR, "lesions": []}], "pair 1: 'lesions' is empty"),
        ([{**PAIR, "lesions": {}}], "pair 1: 'lesions' must be a list, got dict"),
        ([PAIR, {**PAIR, "lesions": [PAIR_LESION, PAIR_LESION]}], "pair 2: lesions 1 and 2 have the same id 'R1'"),
        (
            [{**PAIR, "lesions": [{**PAIR_LESION, "baseline_mm": [1, 2]}]}],
            "pair 1, lesion 1: 'baseline_mm' must be three",
        ),
        ([{**PAIR, "lesions": [{**PAIR_LESION, "radius_mm": 0.1}]}], "lesion 1: radius_mm of 'R1' must be between"),
        (
            [{**PAIR, "lesions": [{**PAIR_LESION, "radius_mm": "6"}]}],
            "lesion 1: 'radius_mm' must be a finite number, got '6'",
        ),
        ([{**PAIR, "lesions": [{**PAIR_LESION, "followup_mm": [1, 2]}]}], "pair 1, lesion 1: 'followup_mm'"),
        ([{**PAIR, "lesions": [{**PAIR_LESION, "followup_radius_mm": 0}]}], "lesion 1: 'followup_radius_mm'"),
    ],
)
def test_wrong_pairs_are_refused_with_their_number(tmp_path, pairs, message):
    with pytest.raises(FileFormatError, match=message):
        read_pairs(written(tmp_path, {"pairs": pairs}))


def test_lesions_of_several_pairs_get_distinct_names(tmp_path):
    other = {**PAIR, "lesions": [{**PAIR_LESION, "id": "L1"}]}
    assert lesion_keys(read_pairs(written(tmp_path, {"pairs": [PAIR, other]}))) == [["R1"], ["L1"]]
    assert lesion_keys(read_pairs(written(tmp_path, {"pairs": [PAIR, PAIR]}))) == [["1/R1"], ["2/R1"]]


def test_scores_json_has_the_keys_that_others_read():
    scores = score(np.array([[3.0, 4.0, 0.0]]), np.array([6.0]))
    seconds = [{"load": 1.0, "registration": 2.0, "total": 3.0}, {"load": 3.0, "network": 1.0, "total": 5.0}]
    data = scores_json(scores, "affine", seconds, {"R1": 5.0})
    assert data == {
        "schema": 1,
        "n": 1,
        "cpm_at_10mm": 1.0,
        "cpm_at_radius": 1.0,
        "within_10mm": 1.0,
        "med_mm": 5.0,
        "med_sd_mm": 0.0,
        "med_x_mm": 3.0,
        "med_y_mm": 4.0,
        "med_z_mm": 0.0,
        "median_mm": 5.0,
        "med_x_sd_mm": 0.0,
        "med_y_sd_mm": 0.0,
        "med_z_sd_mm": 0.0,
        "method": "affine",
        "seconds": {"load": 2.0, "registration": 1.0, "network": 0.5, "total": 4.0},
        "errors_mm": {"R1": 5.0},
    }


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "scores.json"
    write_json({"n": 1}, path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"n": float("nan")}, path)
    assert json.loads(path.read_text()) == {"n": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["scores.json"]
    with pytest.raises(FileFormatError, match="cannot be written: No such file"):
        write_json({}, tmp_path / "none" / "scores.json")


LOOSER = dict.fromkeys(("uae_in_box", "uae_within_10mm", "tlt_in_diagonal", "tlt_within_10_voxels"), True)
DLS_SIDES = {
    **{"source": "a.nii.gz", "source center": [1, 2, 3], "source spacing": [1, 1, 5], "source recist diameter": [9, 8]},
    **{"target": "b.nii.gz", "target center": [1, 2, 3], "target spacing": [1, 1, 5], "target recist diameter": [9, 8]},
    "predict target center": [1, 2, 3],
}
FILES = {
    "lesions.json": (read_lesions, {"lesions": [LESION]}),
    "pairs.json": (read_pairs, {"pairs": [PAIR]}),
    "tracks.json": (read_tracks, {"tracks": []}),
    "volumes.json": (read_manifest, {"volumes": {"a.nii.gz": "0a"}}),
    "diameters.json": (lambda path: read_predicted(path, []), {"diameters_mm": {}}),
    "a benchmark's file": (read_dls, {"0001": DLS_SIDES}),
    "a benchmark's pairs": (read_dls_pairs, {"0001": DLS_SIDES}),
}


@pytest.mark.parametrize(("read", "content"), FILES.values(), ids=list(FILES))
def test_another_schema_is_refused(tmp_path, read, content):
    without_schema = read(written(tmp_path, content))
    assert len(read(written(tmp_path, {"schema": 1, **content}))) == len(without_schema)
    for other in (2, "1", None, True):
        with pytest.raises(
            FileFormatError, match=rf"file\.json has the unknown schema {other!r}; this version reads 1"
        ):
            read(written(tmp_path, {"schema": other, **content}))


@pytest.mark.parametrize(
    ("volumes", "message"),
    [
        (["a"], r"'volumes' of .*file\.json must be a JSON object, got list"),
        ({"a.nii.gz": 5}, r"file\.json: 'a.nii.gz' of 'volumes' must be a hash, which is a text, got 5"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path, volumes, message):
    with pytest.raises(FileFormatError, match=message):
        read_manifest(written(tmp_path, {"volumes": volumes}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 5}, "'id' must be a text, got 5"),
        ({"id": [1]}, r"'id' must be a text, got \[1\]"),
        ({"difference_mm": [1, 2]}, r"'difference_mm' must be three finite numbers, got \[1, 2\]"),
        ({"truth_mm": 1}, "has the unknown key 'truth_mm'"),
        ({"patient": ["p"]}, r"'patient' must be a text, got \['p'\]"),
        ({"direction": 1}, "'direction' must be a text, got 1"),
        ({"radius_mm": None}, "'radius_mm' must be a finite number, got None"),
        ({"radius_mm": "5"}, "'radius_mm' must be a finite number, got '5'"),
        ({"radius_mm": 10**400}, "'radius_mm' must be a finite number, got 1000"),
        ({"seconds": 1e300}, "'seconds' must be a number from 0 to"),
        ({"shift": 0.5}, "'shift' must be a whole number, got 0.5"),
        ({"difference_mm": [1e200, 0, 0]}, "an answer cannot lie 1e.200 mm from the truth"),
        ({"looser": [1]}, "'looser' must be a JSON object, got list"),
        ({"looser": {**LOOSER, "uae_in_box": 1}}, "'looser': 'uae_in_box' must be true or false, got 1"),
        ({"looser": {"uae_in_box": True}}, "'looser' lacks 'tlt_in_diagonal', "),
    ],
)
def test_a_wrong_row_of_scores_is_refused_with_its_number(tmp_path, change, message):
    right = {"id": "a", "difference_mm": [0, 0, 0], "radius_mm": 5}
    assert len(read_answers(written(tmp_path, {"schema": 1, "errors_mm": {}, "lesions": [right]}))) == 1
    rows = [right, {**right, "id": "b", **change}]
    with pytest.raises(FileFormatError, match=rf"file\.json: lesion 2:? {message}"):
        read_answers(written(tmp_path, {"schema": 1, "errors_mm": {}, "lesions": rows}))


def test_the_command_of_a_result_can_be_run_again(tmp_path):
    path = tmp_path / "a b.json"
    path.write_bytes(b"known")
    words = ["evaluate-dls", str(path), "--key", "initial center", "--out", "it's.json"]
    made = provenance([path], words=words)
    assert shlex.split(made["command"]) == ["lesion-tracker", *words]
    assert made["inputs"] == {str(path): hashlib.sha256(b"known").hexdigest()}
