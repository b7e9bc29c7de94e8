"""lesions.json, pairs.json and scores.json: what is read, what is refused, what is written."""

import json

import numpy as np
import pytest

from lib.errors import FileFormatError
from lib.evaluation.json_file import write_json
from lib.evaluation.lesions_file import read_lesions
from lib.evaluation.pairs_file import lesion_keys, read_pairs
from lib.evaluation.scores_file import scores_json
from lib.metrics.cpm import score

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
        ({"lesions": [LESION, {**LESION, "id": "b", "centre": 1}]}, "lesion 2 has the unknown key 'centre'"),
        ({"lesions": [without(LESION, "radius_mm")]}, "lesion 1 lacks 'radius_mm'"),
        ({"lesions": [LESION, LESION]}, "lesions 1 and 2 have the same id 'lesion_1'"),
        ({"lesions": [{**LESION, "radius_mm": 0.0}]}, "lesion 1.*radius_mm of 'lesion_1' must be between"),
        ({"lesions": [{**LESION, "center_mm": (1.0, 2.0)}]}, "lesion 1: lesion 'lesion_1': center_mm"),
        ({"lesions": ["lesion_1"]}, "lesion 1 must be a JSON object, got str"),
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
        ([{**PAIR, "lesions": [{**PAIR_LESION, "baseline_mm": [1, 2]}]}], "pair 1, lesion 1: lesion 'R1': baseline_mm"),
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
