"""Evidence to confidence: which candidate answers, and what a card's calibration must hold."""

from dataclasses import replace

import numpy as np
import pytest

from lib.errors import WeightsError
from lib.tracking.confidence import (
    FEATURES,
    UNCALIBRATED,
    Calibration,
    Logistic,
    features,
    registration_confidence,
    uncalibrated_state,
)
from lib.tracking.evidence import Evidence
from lib.tracking.fusion import fuse, network_alone

AGREEING = Evidence(
    prior_similarity=0.9,
    network_similarity=0.9,
    inside=1.0,
    registration=0.8,
    apart_mm=1.5,
    logit=3.0,
    mass=0.9,
    prior_mass=0.9,
    prior_gap=0.1,
    rival_gap=6.0,
    radius_mm=8.0,
)
NETWORK_KNOWS = replace(AGREEING, prior_similarity=0.05, apart_mm=30.0, prior_mass=0.0, prior_gap=9.0)
REGISTRATION_KNOWS = replace(
    AGREEING,
    network_similarity=0.05,
    apart_mm=30.0,
    logit=-4.0,
    mass=0.2,
    prior_mass=0.15,
    prior_gap=0.4,
    rival_gap=0.1,
)
PRIOR, NETWORK = np.array([0.0, 0.0, 0.0]), np.array([0.0, 0.0, 30.0])


def test_candidates_that_agree_answer_with_the_point_of_registration() -> None:
    fused = fuse(PRIOR, np.array([0.0, 0.0, 1.5]), AGREEING, UNCALIBRATED)
    np.testing.assert_array_equal(fused.center_mm, PRIOR)
    assert fused.chosen == "both"
    assert fused.note == ""


def test_where_the_surroundings_of_the_prior_are_wrong_the_network_answers_and_says_that_they_disagree() -> None:
    fused = fuse(PRIOR, NETWORK, NETWORK_KNOWS, UNCALIBRATED)
    np.testing.assert_array_equal(fused.center_mm, NETWORK)
    assert "disagree by 30 mm" in fused.note


def test_where_the_network_is_unsure_registration_answers() -> None:
    fused = fuse(PRIOR, NETWORK, REGISTRATION_KNOWS, UNCALIBRATED)
    np.testing.assert_array_equal(fused.center_mm, PRIOR)
    assert fused.chosen == "registration"


def test_the_paper_s_tracker_answers_with_the_network_even_then() -> None:
    alone = network_alone(NETWORK, REGISTRATION_KNOWS, UNCALIBRATED)
    np.testing.assert_array_equal(alone.center_mm, NETWORK)
    assert alone.confidence < 0.5


def test_the_features_have_the_names_and_the_order_that_cards_store() -> None:
    assert len(features(AGREEING)) == len(FEATURES)
    assert features(AGREEING)[FEATURES.index("prior_similarity")] == 0.9
    assert features(replace(AGREEING, apart_mm=1e9))[FEATURES.index("apart")] == pytest.approx(np.log1p(60.0))


def test_a_logistic_is_the_one_of_the_textbook() -> None:
    logistic = Logistic(tuple([1.0] + [0.0] * (len(FEATURES) - 1)), -0.9)
    assert logistic.probability(features(AGREEING)) == pytest.approx(0.5)


def test_a_calibration_survives_the_card() -> None:
    assert Calibration.from_json(UNCALIBRATED.to_json()) == UNCALIBRATED


@pytest.mark.parametrize(
    "change",
    [{"features": ["logit"]}, {"network": {"weights": [1.0], "offset": 0.0}}, {"found_from": "high"}, {"prior": None}],
)
def test_a_calibration_that_does_not_fit_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(WeightsError, match="calibration"):
        Calibration.from_json({**UNCALIBRATED.to_json(), **change})


def test_registration_s_confidence_falls_with_likeness_coverage_and_fallbacks() -> None:
    good = registration_confidence(0.9, 1.0, "")
    assert good > 0.95
    assert registration_confidence(0.45, 1.0, "") == pytest.approx(0.5)
    assert registration_confidence(0.9, 0.5, "") == pytest.approx(good * 0.5, rel=0.05)
    assert registration_confidence(0.9, 1.0, "translation only") == pytest.approx(good / 2)
    assert uncalibrated_state(0.49) == "uncertain"
    assert uncalibrated_state(0.51) == "found"
