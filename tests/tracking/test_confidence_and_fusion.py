"""Evidence to confidence: which candidate answers, and what a card's calibration must hold."""

from dataclasses import replace

import numpy as np
import pytest

from lesion_tracker.errors import WeightsError
from lesion_tracker.tracking.candidates import Candidate
from lesion_tracker.tracking.confidence import (
    ALIKE_AFFINE,
    CONFIDENCE_FEATURES,
    FEATURES,
    UNCALIBRATED,
    Calibration,
    Logistic,
    confidence_features,
    doubted,
    features,
    gone,
    registration_confidence,
    uncalibrated_state,
)
from lesion_tracker.tracking.evidence import Evidence
from lesion_tracker.tracking.fusion import CONVINCES, choose, fuse, network_alone

GOOD = Evidence(
    registered=1.0,
    similarity=0.9,
    lead=0.3,
    logit=3.0,
    gap=0.1,
    mass=0.9,
    apart_mm=0.0,
    from_network_mm=1.5,
    from_alignment_mm=1.0,
    lost=0.0,
    lost_hu=0.0,
    contrast_hu=100.0,
    changed_hu=10.0,
    texture=0.9,
    rim=0.9,
    strain=0.1,
    shifted_mm=2.0,
    warped=0.9,
    inside=1.0,
    registration=0.8,
    radius_mm=8.0,
)
BAD = replace(GOOD, similarity=0.2, lead=-0.5, logit=-4.0, gap=7.0, mass=0.02, texture=0.1, lost=1.0)


def _at(z: float, *sources: str, similarity: float = 0.9) -> Candidate:
    return Candidate(np.array([0.0, 0.0, z]), sources, similarity)


PRIOR, BESIDE, FAR = _at(0, "registration"), _at(1.5, "network", "alignment"), _at(30, "network")
ELSEWHERE = replace(GOOD, registered=0.0, apart_mm=30.0)


def test_candidates_that_agree_answer_with_the_point_of_registration() -> None:
    fused = fuse([PRIOR, BESIDE], [GOOD, replace(GOOD, registered=0.0, apart_mm=1.5)], UNCALIBRATED)
    np.testing.assert_array_equal(fused.center_mm, PRIOR.center_mm)
    assert fused.chosen == "registration and network and alignment"
    assert fused.note == ""


def test_where_the_surroundings_of_the_prior_are_wrong_another_answers_and_says_how_far_it_is() -> None:
    fused = fuse([PRIOR, FAR], [replace(BAD, registered=1.0), ELSEWHERE], UNCALIBRATED)
    np.testing.assert_array_equal(fused.center_mm, FAR.center_mm)
    assert "30 mm from where registration expected it" in fused.note


def test_where_the_others_are_poor_registration_answers() -> None:
    fused = fuse([PRIOR, FAR], [GOOD, replace(BAD, registered=0.0, apart_mm=30.0)], UNCALIBRATED)
    np.testing.assert_array_equal(fused.center_mm, PRIOR.center_mm)
    assert fused.chosen == "registration"


def test_on_a_doubtful_registration_its_point_stays_unless_another_place_convinces() -> None:
    faint = replace(ELSEWHERE, texture=0.0, rim=0.2, lost=1.0, changed_hu=100.0)
    for evidence, shares, answer in ((faint, [0.45, 0.55], PRIOR), (ELSEWHERE, [0.01, 0.99], FAR)):
        known = [PRIOR, FAR], [replace(BAD, registered=1.0), evidence], UNCALIBRATED, np.array(shares)
        sure, doubtful = fuse(*known), fuse(*known, doubtful=True)
        np.testing.assert_array_equal(sure.center_mm, FAR.center_mm)
        np.testing.assert_array_equal(doubtful.center_mm, answer.center_mm)
        assert (sure.confidence < CONVINCES) == (answer is PRIOR)
        assert ("(0, 0, 30) LPS mm, 30 mm away, looks alike" in doubtful.note) == (answer is PRIOR)


def test_a_place_that_looks_alike_is_named_with_its_distance() -> None:
    other = _at(-30, "alignment")
    fused = fuse([PRIOR, FAR, other], [BAD, ELSEWHERE, replace(ELSEWHERE, logit=2.9)], UNCALIBRATED)
    assert "(0, 0, -30) LPS mm, 60 mm away, looks alike" in fused.note


def test_several_candidates_of_one_place_are_chosen_together() -> None:
    near = _at(31.5, "alignment")
    clear = replace(ELSEWHERE, logit=6.0)
    alone = choose([PRIOR, FAR], [GOOD, clear], UNCALIBRATED)
    together = choose([PRIOR, FAR, near], [GOOD, clear, clear], UNCALIBRATED)
    assert (alone.number, alone.members) == (0, (0,))
    assert together.members == (1, 2)
    assert together.share > 0.5


def test_poor_evidence_gives_a_lower_confidence() -> None:
    good = fuse([PRIOR], [GOOD], UNCALIBRATED).confidence
    gone = fuse([PRIOR], [replace(GOOD, lost=1.0, texture=0.1)], UNCALIBRATED).confidence
    assert good > 0.9 > gone


def test_the_paper_s_tracker_answers_with_the_network_whatever_registration_says() -> None:
    raw = np.array([0.0, 1.0, 30.0])
    alone = network_alone(raw, [PRIOR, FAR], [GOOD, replace(BAD, registered=0.0)], UNCALIBRATED)
    np.testing.assert_array_equal(alone.center_mm, raw)
    assert alone.confidence < 0.5
    assert "fits better" in alone.note


def test_the_paper_s_tracker_is_doubted_where_all_else_speaks_for_another_place() -> None:
    raw, near = np.array([0.0, 0.0, 31.0]), replace(GOOD, registered=0.0)
    agreed = network_alone(raw, [PRIOR, FAR], [BAD, near], UNCALIBRATED)
    assert agreed.confidence > UNCALIBRATED.found_from
    assert agreed.note == ""
    small = replace(near, radius_mm=0.5)  # the place that fits lies outside of so small a lesion at the network's point
    assert network_alone(raw, [PRIOR, FAR], [BAD, small], UNCALIBRATED).confidence < UNCALIBRATED.found_from
    rival = network_alone(raw, [PRIOR, FAR], [replace(GOOD, similarity=0.99, lead=0.6), near], UNCALIBRATED)
    assert rival.confidence < UNCALIBRATED.found_from


def test_the_features_have_the_names_and_the_order_that_cards_store() -> None:
    assert len(features(GOOD)) == len(FEATURES)
    assert features(GOOD)[FEATURES.index("similarity")] == 0.9
    assert features(replace(GOOD, apart_mm=1e9))[FEATURES.index("apart")] == pytest.approx(np.log1p(60.0))


def test_confidence_reads_the_odds_of_the_choice_and_whether_the_lesion_has_gone() -> None:
    values = dict(zip(CONFIDENCE_FEATURES, confidence_features(BAD, 0.9), strict=True))
    assert values["odds"] == pytest.approx(np.log(9.0))
    assert values["gone"] == gone(BAD)
    assert values["logit"] == -4.0


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [
        ({"lost": 1.0, "changed_hu": 100.0}, 0.9, 1.0),
        ({"lost": 1.0, "changed_hu": 10.0}, 0.0, 0.01),  # it grew over its rim
        ({"lost": 0.5, "changed_hu": 50.0}, 0.0, 0.05),  # it faded
        ({"lost": 1.0, "changed_hu": 15.0, "contrast_hu": 15.0}, 0.0, 0.15),  # it could hardly be seen
        ({"lost": 0.0, "changed_hu": 0.0, "contrast_hu": 0.0}, 0.0, 0.01),
    ],
)
def test_a_visible_lesion_whose_contrast_is_lost_by_its_own_change_has_gone(
    change: dict[str, float], low: float, high: float
) -> None:
    assert low <= gone(replace(GOOD, **change)) <= high


def test_shares_add_up_to_one() -> None:
    shares = UNCALIBRATED.shares([GOOD, BAD, ELSEWHERE])
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] > shares[1]


def test_a_logistic_is_the_one_of_the_textbook() -> None:
    logistic = Logistic(tuple([1.0] + [0.0] * (len(FEATURES) - 1)), -1.0)
    assert logistic.probability(features(GOOD)) == pytest.approx(0.5)


def test_a_calibration_survives_the_card() -> None:
    assert Calibration.from_json(UNCALIBRATED.to_json()) == UNCALIBRATED


@pytest.mark.parametrize(
    "change",
    [
        {"features": ["logit"]},
        {"confidence_features": ["logit"]},
        {"confidence": {"weights": [1.0], "offset": 0.0}},
        {"found_from": "high"},
        {"choice": None},
        {"choice": [1.0]},
    ],
)
def test_a_calibration_that_does_not_fit_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(WeightsError, match="calibration"):
        Calibration.from_json({**UNCALIBRATED.to_json(), **change})


def test_a_doubted_confidence_keeps_its_order_and_stays_below_a_found_one() -> None:
    for found_from in (0.3, 0.55):
        values = [doubted(confidence, found_from) for confidence in (0.0, 0.2, 0.98, 1.0)]
        assert values == sorted(values)
        assert values[0] == 0.0
        assert values[-1] < found_from


def test_registration_s_confidence_falls_with_likeness_and_coverage() -> None:
    good = registration_confidence(0.9, 1.0)
    assert good > 0.95
    assert registration_confidence(0.45, 1.0) == pytest.approx(0.5)
    assert registration_confidence(0.9, 0.5) == pytest.approx(good * 0.5, rel=0.05)
    assert registration_confidence(ALIKE_AFFINE, 1.0, ALIKE_AFFINE) == pytest.approx(0.5)
    assert registration_confidence(0.55, 1.0, ALIKE_AFFINE) < 0.5 < registration_confidence(0.55, 1.0)
    assert uncalibrated_state(0.49) == "uncertain"
    assert uncalibrated_state(0.51) == "found"
