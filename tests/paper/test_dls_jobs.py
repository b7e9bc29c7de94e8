"""The benchmark's pairs as work, both directions and with shifted clicks, and back as a released file."""

import json

import numpy as np
import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.paper.dls_file import read_dls
from lesion_tracker.paper.dls_jobs import read_dls_jobs, released_entry, released_file, require_same_truth
from lesion_tracker.paper.dls_robustness import clicks_of
from lesion_tracker.records.track import Track

SIDE = {"center": [10.0, 20.0, 5.0], "spacing": [0.5, 0.5, 4.0], "recist diameter": [24.0, 12.0]}
ONE, TWO = "000001_01_01_001-009.nii.gz", "000001_02_01_001-009.nii.gz"


def entry(source, target):
    return {
        **{"source": source, "target": target, "target box": [4.0, 14.0, 3.0, 12.0, 12.0, 4.0]},
        **{f"{side} {key}": value for side in ("source", "target") for key, value in SIDE.items()},
        "predict target center": [0.0, 0.0, 0.0],
    }


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / "test.json"
    path.write_text(json.dumps({"0001": entry(ONE, TWO), "0002": entry(TWO, ONE), "0003": entry(ONE, TWO)}))
    return path


def tracked(click, off_mm):
    """Answer a click `off_mm` (LPS) from the truth, with registration 4 mm off along x."""
    truth = click.target.center_mm
    found, expected = (tuple(float(v) for v in truth + np.array(d)) for d in (off_mm, (4.0, 0.0, 0.0)))
    return Track(click.id, ONE, TWO, found, 6.0, 0.7, "found", expected, "auto", seconds={"total": 2.5})


def test_each_direction_is_a_job_with_all_its_lesions(annotations):
    jobs = read_dls_jobs(annotations)
    assert [(job.source, job.target, [click.id for click in job.clicks]) for job in jobs] == [
        *((ONE, TWO, ["0001", "0003"]), (TWO, ONE, ["0002"]))
    ]
    assert jobs[0].clicks[0].lesion.radius_mm == 6.0
    assert jobs[0].clicks[0].lesion.center_mm == (5.0, 10.0, -20.0)


def test_our_answers_go_through_the_evaluator_of_the_released_ones(annotations, tmp_path):
    jobs = read_dls_jobs(annotations)
    rows = [(c, released_entry(c, tracked(c, (1.0, 2.0, -4.0)))) for job in jobs for c in job.clicks]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(released_file(rows, ["0001", "0002", "0003"])))
    answers = read_dls(path)
    assert [answer.id for answer in answers] == ["0001", "0002", "0003"]
    for answer in answers:
        assert np.allclose(answer.difference_mm, [1.0, 2.0, -4.0])  # LPS, as they were tracked
        assert (answer.prior_mm, answer.confidence, answer.seconds, answer.shift) == (pytest.approx(4.0), 0.7, 2.5, 0)
    assert [answer.direction for answer in answers] == ["forward", "backward", "forward"]


def test_robustness_answers_come_after_the_original_ones(annotations, tmp_path):
    jobs = read_dls_jobs(annotations, shifts=9)
    clicks = [click for job in jobs for click in job.clicks]
    assert len(clicks) == 30
    rows = [(c, released_entry(c, tracked(c, (float(c.shift), 0.0, 0.0)))) for c in clicks]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(released_file(rows, ["0001", "0002", "0003"])))
    answers = read_dls(path)
    assert [answer.shift for answer in answers] == [n for n in range(10) for _ in range(3)]
    assert [answer.difference_mm[0] for answer in answers] == pytest.approx([n for n in range(10) for _ in range(3)])
    assert [answer.direction for answer in answers[-3:]] == ["forward", "backward", "forward"]


def test_a_missing_answer_would_shift_the_numbers(annotations):
    (job, _) = read_dls_jobs(annotations)
    rows = [(c, released_entry(c, tracked(c, (0.0, 0.0, 0.0)))) for c in job.clicks]
    with pytest.raises(FileFormatError, match="entry '0002' and 0 more have no answer"):
        released_file(rows, ["0001", "0002", "0003"])


def test_shifted_clicks_fill_the_ball_and_repeat():
    center = np.array([3.0, -2.0, 8.0])
    clicks = clicks_of("0001", center, 20.0, shifts=2000)
    assert np.array_equal(clicks[0], center)
    away = np.linalg.norm(clicks[1:] - center, axis=1)
    assert away.max() <= 5.0
    assert (away < 2.5).mean() == pytest.approx(1 / 8, abs=0.03)  # an eighth of the ball's volume; 2000 draws
    assert np.abs((clicks[1:] - center).mean(axis=0)).max() < 0.25
    assert np.array_equal(clicks_of("0001", center, 20.0), clicks_of("0001", center, 20.0))
    assert not np.array_equal(clicks_of("0001", center, 20.0), clicks_of("0002", center, 20.0))
    assert clicks_of("0001", center, 20.0, shifts=0).tolist() == [center.tolist()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source spacing": [0.5, 0.5, 0.0]}, "entry '0001': 'source spacing' must be above 0 mm"),
        ({"target center": [1.0, 2.0]}, "entry '0001': 'target center' must be 3 finite numbers"),
        ({"source center": [1.0, 2.0, 1e999]}, "entry '0001': 'source center' must be 3 finite numbers, got"),
        ({"source": 3}, "entry '0001': 'source' must be the name of a sub-volume, got 3"),
        ({"source recist diameter": [0.0, 0.0]}, "entry '0001': the longest 'source recist diameter' must be above 0"),
        ({"source recist diameter": [24.0]}, "entry '0001': 'source recist diameter' must be 2 finite numbers"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path, change, message):
    path = tmp_path / "test.json"
    path.write_text(json.dumps({"0001": {**entry(ONE, TWO), **change}}))
    with pytest.raises(FileFormatError, match=message):
        read_dls_jobs(path)


@pytest.fixture
def predictions(annotations, tmp_path):
    """Return the content of a file of predictions, each pair with its click and two shifted ones."""
    clicks = [click for job in read_dls_jobs(annotations, shifts=2) for click in job.clicks]
    return released_file(
        [(c, released_entry(c, tracked(c, (1.0, 0.0, 0.0)))) for c in clicks], ["0001", "0002", "0003"]
    )


def checked(annotations, predictions):
    path = annotations.parent / "predictions.json"
    path.write_text(json.dumps(predictions))
    require_same_truth(path, annotations)


def test_predictions_beside_the_annotated_truth_pass(annotations, predictions):
    for row in predictions["results"]:
        row["target center"] = [v + 0.05 for v in row["target center"]]  # one of the released files rounds to 0.1 voxel
        row["target spacing"] = [v * (1 + 1e-7) for v in row["target spacing"]]
    del predictions["results"][0]["target box"]
    checked(annotations, predictions)


@pytest.mark.parametrize("row", [1, 4, 7])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("source", TWO + "x"),
        ("target", TWO + "x"),
        ("target center", [10.0, 20.0, 5.2]),
        ("target spacing", [0.5, 0.51, 4.0]),
        ("target recist diameter", [30.0, 12.0]),
        ("target box", [4.0, 14.0, 3.0, 12.0, 13.0, 4.0]),
    ],
)
def test_another_truth_is_refused_with_both_values(annotations, predictions, row, key, value):
    predictions["results"][row][key] = value
    with pytest.raises(FileFormatError) as refused:
        checked(annotations, predictions)
    shown = [f"entry '{row + 1:04d}': {key!r}", repr(value)[:40], "entry '0002' of", repr(entry(TWO, ONE)[key])[:40]]
    assert [text for text in shown if text not in str(refused.value)] == []


def test_the_truth_cannot_be_the_prediction(annotations, predictions):
    for row in predictions["results"]:
        row["target center"] = row["predict target center"]
    with pytest.raises(
        FileFormatError, match=r"entry '0001': 'target center' is .12.0, 20.0, 5.0., but entry '0001' of"
    ):
        checked(annotations, predictions)


def test_a_shifted_answer_must_not_be_left_out(annotations, predictions):
    del predictions["results"][4]
    with pytest.raises(FileFormatError, match=r"has 2 entries of shift number 1, .* has 3 entries"):
        checked(annotations, predictions)
