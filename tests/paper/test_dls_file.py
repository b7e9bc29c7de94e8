"""The benchmark's released files give the numbers that the paper printed."""

import json
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.paper.diameters import read_diameter_pairs, response_rows
from lesion_tracker.paper.dls_file import dls_from_lps, lps_from_dls, read_dls
from lesion_tracker.paper.dls_pairs_file import read_dls_pairs
from lesion_tracker.scoring.comparison import compare
from lesion_tracker.scoring.cpm import score
from lesion_tracker.scoring.summary import summary
from lesion_tracker.volumes.grid import Grid

RELEASED = Path(__file__).parents[3] / "shared" / "data" / "dls"
needs_released_files = pytest.mark.skipif(
    not RELEASED.is_dir(), reason="the benchmark's files (github JimmyCai91/DLT) are not beside this checkout"
)


def scores_of(name, key, offset_mm=(0.0, 0.0, 0.0)):
    answers = read_dls(RELEASED / name, key)
    difference = np.array([answer.difference_mm for answer in answers]) + np.array(offset_mm)
    return score(difference, np.array([answer.radius_mm for answer in answers]))


@needs_released_files
def test_the_released_predictions_are_the_papers_row_dlt():
    scores = scores_of("DLTMix.json", "predict target center")
    assert scores.n == 960
    assert scores.cpm_at_10mm == pytest.approx(757 / 960)  # 78.85
    assert scores.cpm_at_radius == pytest.approx(834 / 960)  # 86.88
    assert scores.within_10mm == pytest.approx(0.8667, abs=5e-5)
    assert scores.med_mm == pytest.approx(6.9807, abs=5e-5)
    assert scores.med_sd_mm == pytest.approx(8.95, abs=5e-3)
    assert (scores.med_x_mm, scores.med_y_mm, scores.med_z_mm) == pytest.approx((3.48, 2.93, 4.03), abs=5e-3)
    deviations = scores.med_x_sd_mm, scores.med_y_sd_mm, scores.med_z_sd_mm
    assert deviations == pytest.approx((5.61, 4.86, 6.06), abs=5e-3)


@needs_released_files
def test_the_initial_centres_are_the_papers_row_affine():
    scores = scores_of("DLTMix.json", "initial center")
    assert scores.cpm_at_10mm == pytest.approx(464 / 960)  # 48.33
    assert scores.cpm_at_radius == pytest.approx(626 / 960)  # 65.21
    assert (scores.med_mm, scores.med_sd_mm) == pytest.approx((11.23, 9.88), abs=5e-3)
    assert (scores.med_x_mm, scores.med_y_mm, scores.med_z_mm) == pytest.approx((4.14, 5.36, 7.15), abs=5e-3)


@needs_released_files
def test_the_test_file_holds_the_affine_points_rounded():
    scores = scores_of("test.json", "predict target center")
    assert 100 * scores.cpm_at_10mm == pytest.approx(48.33, abs=5e-3)
    assert 100 * scores.cpm_at_radius == pytest.approx(65.10, abs=5e-3)


@needs_released_files
def test_half_a_cell_was_lost_in_the_released_predictions():
    scores = scores_of("DLTMix.json", "predict target center", offset_mm=(1.6, 1.6, -2.0))  # slices count down
    assert 100 * scores.cpm_at_10mm == pytest.approx(82.40, abs=5e-3)
    assert 100 * scores.cpm_at_radius == pytest.approx(89.69, abs=5e-3)
    assert (scores.med_mm, scores.med_sd_mm) == pytest.approx((6.24, 9.02), abs=5e-3)
    assert (scores.med_x_mm, scores.med_y_mm, scores.med_z_mm) == pytest.approx((2.9, 2.7, 3.7), abs=0.05)


@needs_released_files
def test_copying_the_voxel_index():
    scores = scores_of("test.json", "source center")
    assert (100 * scores.cpm_at_10mm, 100 * scores.cpm_at_radius) == pytest.approx((10.5, 20.9), abs=0.05)
    assert (scores.med_mm, scores.med_z_mm) == pytest.approx((44.7, 29.9), abs=0.05)


@needs_released_files
def test_the_diameters_are_pixels_and_not_mm():
    answers = read_dls(RELEASED / "DLTMix.json")
    raw = json.loads((RELEASED / "DLTMix.json").read_text())["results"]
    difference = np.array([answer.difference_mm for answer in answers])
    wrong = score(difference, np.array([max(entry["target recist diameter"]) / 2 for entry in raw]))
    assert (100 * wrong.cpm_at_10mm, 100 * wrong.cpm_at_radius) == pytest.approx((82.29, 91.25), abs=5e-3)


@needs_released_files
def test_the_looser_box_score_of_later_papers():
    inside = np.mean([answer.inside_box for answer in read_dls(RELEASED / "DLTMix.json")])
    assert 100 * inside == pytest.approx(95.31, abs=5e-3)


@needs_released_files
def test_other_rules_and_groups_of_the_released_predictions():
    found = summary(read_dls(RELEASED / "DLTMix.json"))
    assert found["patients"] == 105
    assert 100 * found["other_scores"]["uae_within_10mm"] == pytest.approx(86.67, abs=5e-3)
    groups = found["strata"]["radius"]["groups"]
    assert [g["n"] for g in groups.values()] == [79, 355, 351, 175]
    assert [100 * g["cpm_at_10mm"] for g in groups.values()] == pytest.approx([46.8, 83.7, 90.9, 59.4], abs=0.05)
    assert found["signed_median_mm"] == pytest.approx([-1.9, -1.2, 2.0], abs=0.05)  # half a cell, LPS
    low, high = found["intervals"]["cpm_at_10mm"]
    assert (high - low) / 2 == pytest.approx(0.045, abs=0.005)  # "about ± 4.5 points"
    assert found["strata"]["direction"]["groups"]["forward"]["n"] == 455


@needs_released_files
def test_the_released_predictions_against_their_own_prior():
    mine, prior = (read_dls(RELEASED / "DLTMix.json", key) for key in ("predict target center", "initial center"))
    found = compare(mine, prior).scores["cpm_at_10mm"]
    assert found.difference == pytest.approx((757 - 464) / 960)
    assert found.wins - found.losses == 757 - 464
    assert found.interval is not None
    assert 0.2 < found.interval[0] < found.difference < found.interval[1] < 0.4


@needs_released_files
def test_always_stable_is_right_in_most_pairs():
    stable = response_rows(read_diameter_pairs(RELEASED / "test.json"), {})["always stable"]
    assert 100 * stable["response_accuracy"] == pytest.approx(82.1, abs=0.05)
    share = {name: 100 * count / stable["n"] for name, count in stable["count"].items()}
    assert list(share.values()) == pytest.approx([3.7, 82.1, 14.2], abs=0.06)
    assert stable["balanced_accuracy"] == pytest.approx(1 / 3)


def test_a_dls_centre_in_lps():
    # DeepLesion's own converter: array (row, column, slice), RAS affine [[0, -s, 0], [-s, 0, 0], [0, 0, -sz]];
    # in LPS x and y change their sign, z does not.
    s, sz = 0.8, 5.0
    lps_from_index = np.array([[0, s, 0, 0], [s, 0, 0, 0], [0, 0, -sz, 0], [0, 0, 0, 1]])
    grid = Grid((512, 512, 60), lps_from_index)
    x, y, z = 272.2, 203.5, 30.0
    by_the_grid = grid.lps_from_indices(np.array([[y, x, z]]))[0]
    assert np.allclose(by_the_grid, [s * x, s * y, -sz * z])
    assert np.allclose(lps_from_dls(np.array([x, y, z]), np.array([s, s, sz])), by_the_grid)
    assert np.allclose(dls_from_lps(by_the_grid, np.array([s, s, sz])), [x, y, z])


ENTRY = {
    "target center": [10.0, 20.0, 5.0],
    "predict target center": [12.0, 20.0, 6.0],
    "target spacing": [0.5, 0.5, 4.0],
    "target recist diameter": [24.0, 12.0],
    "target box": [4.0, 14.0, 3.0, 12.0, 12.0, 4.0],
    "processing time": 3.5,
}


@pytest.mark.parametrize("content", [{"0001": ENTRY}, {"results": [ENTRY], "iso_radius": -1}])
def test_both_forms_of_file_are_read(tmp_path, content):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(content))
    (answer,) = read_dls(path)
    assert answer.id == "0001"
    assert list(answer.difference_mm) == [1.0, 0.0, -4.0]  # LPS: a slice further is nearer to the feet
    assert answer.radius_mm == 6.0  # 24 pixels of 0.5 mm across
    assert answer.inside_box
    assert answer.seconds == 3.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "must be a JSON object, got list"),
        ({}, "has no entries"),
        ({"results": []}, "'results' of .* is empty"),
        ({"0001": ENTRY, "0007": 3}, "entry '0007' must be a JSON object, got int"),
        ({"0002": {**ENTRY, "target center": [1, 2]}}, "entry '0002': 'target center' must be 3 finite numbers"),
        ({"results": [ENTRY, {**ENTRY, "target recist diameter": "wide"}]}, "entry '0002': 'target recist diameter'"),
        ({"0001": {k: v for k, v in ENTRY.items() if k != "target spacing"}}, "entry '0001' lacks 'target spacing'$"),
        (
            {"0001": {**ENTRY, "predict target center": [1, 2, float("nan")]}},
            "'predict target center' must be 3 finite",
        ),
        ({"0001": {**ENTRY, "predict target center": ["1", "2", "3"]}}, "'predict target center' must be 3 finite"),
        ({"schema": 7, "results": [ENTRY]}, "unknown schema 7; this version reads 1"),
        ({"0003": {**ENTRY, "target spacing": [0.5, 0.5, 0]}}, "entry '0003': 'target spacing' must be above 0 mm"),
        ({"0003": {**ENTRY, "target recist diameter": [0, 0]}}, "entry '0003': the longest 'target recist diameter'"),
        ({"0003": {**ENTRY, "target box": [1, 2, 3]}}, "entry '0003': 'target box' must be 6 finite numbers"),
        ({"0003": {**ENTRY, "initial center": [1, 2]}}, "entry '0003': 'initial center' must be 3 finite numbers"),
        ({"0003": {**ENTRY, "processing time": float("nan")}}, "entry '0003': 'processing time' must be a finite"),
        ({"0003": {**ENTRY, "predict confidence": "high"}}, "entry '0003': 'predict confidence' must be a finite"),
        (
            {"0003": {**ENTRY, "target center": [1, 2, 10**400]}},
            r"'0003': 'target center' must be 3 .* got \[1, 2, 1000",
        ),
        (
            {"0003": {**ENTRY, "target recist diameter": [10**400, 1]}},
            "'0003': 'target recist diameter' must be 2 finite",
        ),
        (
            {"0003": {**ENTRY, "processing time": 10**400}},
            "'0003': 'processing time' must be a finite number, got 1000",
        ),
        (
            {"0003": {**ENTRY, "processing time": 1e308}},
            "'0003': .*'seconds' must be a number from 0 to 1e.09, got 1e.308",
        ),
        (
            {"0003": {**ENTRY, "target center": [1e308] * 3, "predict target center": [-1e308] * 3}},
            r"'0003': 'predict target center' is \[-1e\+308, .*'target center' \[1e\+308, .* three finite numbers",
        ),
        (
            {"0003": {**ENTRY, "predict target center": [1e200, 0, 0]}},
            r"'0003': .* cannot lie 5e\+199 mm from the truth",
        ),
        ({"0003": {**ENTRY, "initial center": [1e308, 0, 0]}}, "'0003': .*'prior_mm' must be a number from 0"),
        ({"0003": {**ENTRY, "shift number": 1.5}}, "'0003': 'shift number' must be a whole number, got 1.5"),
    ],
)
def test_a_wrong_file_is_refused_with_the_entry(tmp_path, content, message):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match=message):
        read_dls(path)


def test_an_unknown_key_names_the_centres_that_there_are(tmp_path):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"0001": ENTRY}))
    with pytest.raises(FileFormatError, match="lacks 'guess'; the centres it has are 'target center', 'predict target"):
        read_dls(path, "guess")


def test_a_missing_or_torn_file_says_so(tmp_path):
    with pytest.raises(FileFormatError, match="there is no file"):
        read_dls(tmp_path / "none.json")
    torn = tmp_path / "torn.json"
    torn.write_text('{"0001": {')
    with pytest.raises(FileFormatError, match="is no JSON"):
        read_dls(torn)


TEXTS = {
    "deep": ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
    "twice": (
        '{"0001": {"target center": [1, 2, 3], "target center": [4, 5, 6]}}',
        "has the key 'target center' twice",
    ),
    "two entries": ('{"0001": {}, "0001": {}}', "has the key '0001' twice"),
}


@pytest.mark.parametrize(("text", "message"), TEXTS.values(), ids=list(TEXTS))
def test_a_file_that_means_nothing_or_two_things_is_refused(tmp_path, text, message):
    path = tmp_path / "answers.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=rf"answers\.json .*{message}"):
        read_dls(path)


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"0001": ENTRY}), encoding="utf-8-sig")
    assert read_dls(path)[0].id == "0001"


def test_without_a_box_only_the_looser_scores_are_unknown(tmp_path):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"0001": {k: v for k, v in ENTRY.items() if k != "target box"}, "0002": ENTRY}))
    bare, boxed = read_dls(path)
    assert (bare.inside_box, boxed.inside_box) == (None, True)
    found = summary([bare, boxed])
    assert (found["other_scores"]["uae_in_box"], found["other_scores_n"]) == (1.0, 1)
    assert "other_scores" not in summary([bare])


def side(name, **changes):
    values = {"center": [1.0, 2.0, 3.0], "spacing": [0.5, 0.5, 4.0], "recist diameter": [24.0, 12.0], **changes}
    return {name: f"{name}.nii.gz", **{f"{name} {key}": value for key, value in values.items()}}


@pytest.mark.parametrize("reader", [read_dls_pairs, read_diameter_pairs])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spacing": [0.5, 0.0, 4.0]}, r"'source spacing' must be above 0 mm, got \[0\.5, 0\.0, 4\.0\]"),
        ({"spacing": [0.5, 0.5, 10**400]}, "'source spacing' must be 3 finite numbers, got"),
        ({"recist diameter": [24.0]}, r"'source recist diameter' must be 2 finite numbers, got \[24\.0\]"),
        ({"recist diameter": [24.0, 12.0, 3.0]}, "'source recist diameter' must be 2 finite numbers"),
        ({"recist diameter": [24.0, float("inf")]}, "'source recist diameter' must be 2 finite numbers"),
        ({"recist diameter": [10**400, 1]}, "'source recist diameter' must be 2 finite numbers, got"),
        ({"recist diameter": [0, -1]}, "the longest 'source recist diameter' must be above 0 pixels"),
    ],
)
def test_a_wrong_side_is_refused_with_its_key(tmp_path, reader, changes, message):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"0001": {**side("source"), **side("target")}}))
    assert len(reader(path)) == 1
    path.write_text(json.dumps({"0001": {**side("source", **changes), **side("target")}}))
    with pytest.raises(FileFormatError, match=rf"train\.json: entry '0001': {message}"):
        reader(path)


def test_numbers_that_no_patient_has_are_refused(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"0001": {**side("source", **{"recist diameter": [1e308, 1]}), **side("target")}}))
    with pytest.raises(FileFormatError, match=r"'0001': 'source recist diameter' .* no lesion is that large"):
        read_diameter_pairs(path)
    path.write_text(json.dumps({"0001": {**side("source"), **side("target", center=[0, 0, -1e308])}}))
    with pytest.raises(FileFormatError, match=r"'0001': 'target center' \[0, 0, -1e\+308\] lies inf mm from the first"):
        read_dls_pairs(path)
