"""Fitting confidences: what separates is found, thresholds keep their promise, the card can be read again."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from benchmarks.calibration.__main__ import write_calibration
from benchmarks.calibration.fit import Example, calibrate, examples_of, fit_choice, fit_logistic, held_out
from lesion_tracker.tracking.candidates import Candidate
from lesion_tracker.tracking.confidence import CONFIDENCE_FEATURES, Calibration
from lesion_tracker.tracking.evidence import Evidence

BLANK = dict.fromkeys((field.name for field in fields(Evidence)), 0.5) | {"radius_mm": 8.0}


def example(rng: np.random.Generator, volume: str) -> Example:
    """The network is right where its peak is high, registration where its surroundings are alike."""
    network_right, prior_right = rng.random() < 0.7, rng.random() < 0.6
    truth = np.zeros(3)
    network = truth + (1.0 if network_right else 40.0) * np.array([1.0, 0, 0])
    prior = truth + (0.5 if prior_right else 30.0) * np.array([0, 1.0, 0])
    logit = float((2.0 if network_right else -1.0) + rng.normal(0, 0.7))
    similarity = float((0.8 if prior_right else 0.3) + rng.normal(0, 0.1))
    candidates = (Candidate(prior, ("registration",), similarity), Candidate(network, ("network",), 0.5))
    apart = float(np.linalg.norm(network - prior))
    evidence = (
        Evidence(**{**BLANK, "registered": 1.0, "similarity": similarity, "logit": -2.0, "apart_mm": 0.0}),
        Evidence(**{**BLANK, "registered": 0.0, "similarity": 0.5, "logit": logit, "apart_mm": apart}),
    )
    return Example(volume, candidates, evidence, network, truth, 8.0)


def examples(count: int = 300) -> list[Example]:
    rng = np.random.default_rng(0)
    return [example(rng, "ab"[n % 2]) for n in range(count)]


def test_logistic_regression_finds_a_known_rule():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20000, 2)) * [1.0, 5.0] + [0.0, 3.0]
    right = rng.random(20000) < 1 / (1 + np.exp(-(2.0 * values[:, 0] - 0.3 * values[:, 1] + 0.5)))
    fitted = fit_logistic(values, right, penalty=1e-3)
    assert fitted.weights == pytest.approx((2.0, -0.3), abs=0.08)
    assert fitted.offset == pytest.approx(0.5, abs=0.08)


def test_one_kind_of_answers_only_gives_a_finite_fit():
    fitted = fit_logistic(np.random.default_rng(0).normal(size=(40, 3)), np.ones(40, dtype=bool))
    assert np.isfinite([*fitted.weights, fitted.offset]).all()
    assert fitted.probability([0.0, 0.0, 0.0]) > 0.8


def test_calibration_chooses_the_right_candidate_and_flags_few_right_ones():
    fitted, quality = calibrate(examples())
    assert quality["right"] > max(quality["prior_right"], quality["network_right"])
    assert quality["flagged_of_right"] <= 0.05
    assert quality["auc"] > 0.8
    assert quality["any_candidate_right"] >= quality["right"]
    assert fitted.agree_mm in {2.0, 3.0, 4.0, 5.0, 6.0, 8.0}


def test_regressions_are_held_out_by_volume():
    made = examples(100)
    rules = held_out(made, 4.0)
    assert rules[0] is rules[2]
    assert rules[0] is not rules[1]
    with pytest.raises(ValueError, match="two base volumes"):
        held_out([one for one in made if one.volume == "a"], 4.0)


def test_a_vanished_lesion_is_wrong_for_both():
    one = example(np.random.default_rng(0), "a")
    lesion = {
        "truth": {"counted": False, "followup_mm": [0.0, 0, 0], "followup_radius_mm": 5.0},
        "network_mm": [0.0, 0, 0],
        "candidates": [
            {"center_mm": [0.0, 0, 0], "sources": list(c.sources), "evidence": e.values()}
            for c, e in zip(one.candidates, one.evidence, strict=True)
        ],
    }
    made = examples_of([{"volume": "a", "lesions": [lesion]}])[0]
    assert not made.right_candidates().any()
    assert made.error_mm(made.network_mm) == float("inf")
    assert made.evidence == one.evidence


def test_where_no_candidate_is_right_no_choice_can_be_learned():
    gone = [replace(one, truth_mm=None) for one in examples(10)]
    with pytest.raises(ValueError, match="no choice can be learned"):
        fit_choice(gone)


def test_the_card_keeps_its_other_entries(tmp_path):
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"name": "m", "sha256": "0"}))
    fitted, quality = calibrate(examples(80))
    write_calibration(path, fitted, quality)
    card = json.loads(path.read_text())
    assert card["name"] == "m"
    assert Calibration.from_json(card["calibration"]) == fitted
    assert len(fitted.confidence.weights) == len(CONFIDENCE_FEATURES)
    assert list(tmp_path.iterdir()) == [path]
