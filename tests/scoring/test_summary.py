"""Groups, intervals and comparisons of answers whose numbers are known."""

import numpy as np
import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.paper.dls_names import direction_of, dls_name
from lesion_tracker.scoring.answers import Answer
from lesion_tracker.scoring.bootstrap import mean_intervals, ratio_intervals
from lesion_tracker.scoring.comparison import compare
from lesion_tracker.scoring.scores_file import read_scores
from lesion_tracker.scoring.strata import strata_of
from lesion_tracker.scoring.summary import summary


def answer(name, off_mm=0.0, radius_mm=8.0, **more):
    return Answer(name, np.array([off_mm, 0.0, 0.0]), radius_mm, **more)


def test_an_edge_belongs_to_the_group_above():
    answers = [answer(str(r), radius_mm=r) for r in (4.9, 5.0, 9.9, 10.0, 20.0)]
    (radius,) = strata_of(answers)
    assert [(g.name, g.members) for g in radius.groups] == [
        *(("< 5 mm", (0,)), ("5 to 10 mm", (1, 2)), ("10 to 20 mm", (3,)), (">= 20 mm", (4,)))
    ]


def test_a_stratum_of_which_nothing_is_known_is_left_out():
    assert [s.key for s in strata_of([answer("a")])] == ["radius"]
    known = [answer("a", slice_mm=5.0, direction="backward", prior_mm=25.0), answer("b")]
    found = {s.key: [g.name for g in s.groups] for s in strata_of(known)}
    assert found["slice_spacing"] == [">= 3 mm", "unknown"]
    assert found["direction"] == ["backward", "unknown"]
    assert found["prior"] == [">= 20 mm", "unknown"]


def test_the_interval_counts_patients_and_not_lesions():
    rng = np.random.default_rng(0)
    of_patient = (rng.random(40) < 0.5).astype(np.float64)
    values = np.repeat(of_patient, 25)[:, None]  # 25 lesions that all succeed or all fail together
    patients = np.repeat([f"p{n}" for n in range(40)], 25).tolist()
    (low, high) = mean_intervals(values, patients)[0]
    by_patients = 1.96 * np.sqrt(of_patient.mean() * (1 - of_patient.mean()) / 40)
    assert (high - low) / 2 == pytest.approx(by_patients, rel=0.1)  # of 4000 draws
    alone = mean_intervals(values, [str(n) for n in range(1000)])[0]
    assert (alone[1] - alone[0]) / 2 == pytest.approx(by_patients / 5, rel=0.1)


def test_too_few_or_unknown_patients_give_no_interval():
    values = np.ones((6, 1))
    assert mean_intervals(values, list("aabbcc")) == [None]
    assert mean_intervals(values, ["", *"abcde"]) == [None]
    assert mean_intervals(values, list("abcdef")) == [(1.0, 1.0)]


def test_a_class_that_is_absent_from_most_draws_has_no_interval():
    of_class = np.zeros((6, 2))
    of_class[0, 0], of_class[:, 1] = 1, 1
    assert ratio_intervals(of_class, of_class, list("abcdef"))[1] == (1.0, 1.0)
    assert ratio_intervals(np.zeros((6, 1)), np.zeros((6, 1)), list("abcdef")) == [None]


def test_robustness_is_all_clicks_beside_the_original_ones():
    answers = [answer("a", 2.0), answer("b", 4.0, shift=1), answer("c", 12.0, shift=2)]
    found = summary(answers)["robustness"]
    assert found["shifts"] == 2
    assert (found["original"]["n"], found["all"]["n"]) == (1, 3)
    assert found["change"]["cpm_at_10mm"] == pytest.approx(2 / 3 - 1)
    assert found["change"]["med_mm"] == pytest.approx(4.0)
    assert "robustness" not in summary(answers[:1])


def test_wins_losses_and_the_paired_difference():
    first = [answer(str(n), 1.0, patient=f"p{n}") for n in range(6)] + [answer("far", 30.0, patient="q")]
    second = [answer(str(n), 20.0, patient=f"p{n}") for n in range(6)] + [answer("far", 2.0, patient="q")]
    found = compare(first, list(reversed(second)))
    assert (found.n, found.patients) == (7, 7)
    hits, med = found.scores["cpm_at_10mm"], found.scores["med_mm"]
    assert (hits.first, hits.second, hits.wins, hits.losses) == (pytest.approx(6 / 7), pytest.approx(1 / 7), 6, 1)
    assert (med.wins, med.losses) == (6, 1)
    assert med.difference == pytest.approx((6 * 1 + 30 - 6 * 20 - 2) / 7)
    assert hits.interval[0] < hits.difference < hits.interval[1]


def test_nearly_equal_answers_are_even():
    found = compare([answer("a", 1.0)], [answer("a", 1.4)]).scores["med_mm"]
    assert (found.wins, found.losses) == (0, 0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ([answer("b")], "entry 'a' is only in the first one"),
        ([answer("a"), answer("b")], "entry 'b' is only in the second one"),
        ([answer("a", radius_mm=9.0)], "entry 'a' has radius 8.00 mm in the first file and 9.00 mm"),
        ([answer("a", patient="other")], "entry 'a' is of patient 'p'"),
    ],
)
def test_other_lesions_are_refused(other, message):
    with pytest.raises(FileFormatError, match=message):
        compare([answer("a", patient="p")], other)


@pytest.mark.parametrize(
    "wrong", [{"radius_mm": -1.0}, {"slice_mm": float("nan")}, {"confidence": -0.5}, {"direction": "sideways"}]
)
def test_an_answer_refuses_nonsense(wrong):
    with pytest.raises((ValueError, TypeError)):
        Answer(**{"id": "a", "difference_mm": np.zeros(3), "radius_mm": 5.0, **wrong})


def test_an_answer_goes_through_scores_json(tmp_path):
    known = answer("a", 3.0, patient="p", slice_mm=5.0, direction="forward", prior_mm=7.0, confidence=0.5, shift=2)
    path = tmp_path / "scores.json"
    write_json({"schema": 1, "lesions": [known.to_json()]}, path)
    (back,) = read_scores(path)
    assert back.to_json() == known.to_json()
    assert back.distance_mm == 3.0


def test_what_a_sub_volumes_name_says():
    name = dls_name("000016_02_01_223-283.nii.gz")
    assert (name.series, name.patient, name.study, name.slices) == ("000016_02_01", "000016", 2, range(223, 284))
    assert direction_of(dls_name("000016_01_01_002-014.nii.gz"), name) == "forward"
    assert direction_of(name, dls_name("000016_01_01_002-014.nii.gz")) == "backward"
    assert direction_of(name, dls_name("000016_02_03_001-014.nii.gz")) == "same study"
    assert direction_of(name, dls_name("ct.nii.gz")) == "unknown"
    assert dls_name("000016_02_01_283-223.nii.gz") is None
