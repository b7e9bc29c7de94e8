"""Growth and treatment response, worked out by hand."""

import numpy as np
import pytest

from lesion_tracker.paper.response import growth_hits, response_classes, score_response

BEFORE = np.array([10.0, 10.0, 10.0, 10.0])
AFTER = np.array([7.0, 9.0, 11.9, 12.0])
"""-30 % responds, +20 % progresses, between is stable."""


def test_the_thresholds_belong_to_the_outer_classes():
    assert response_classes(BEFORE, AFTER).tolist() == [0, 1, 1, 2]


def test_no_predicted_change_is_no_growth():
    assert growth_hits(BEFORE, AFTER, np.array([8.0, 10.0, 10.1, 9.0])).tolist() == [True, False, True, False]


def test_always_stable():
    scores = score_response(BEFORE, AFTER, BEFORE)
    assert scores.mae_mm == pytest.approx((3 + 1 + 1.9 + 2) / 4)
    assert (scores.growth_accuracy, scores.response_accuracy) == (0, 0.5)
    assert scores.recall == {"partial response": 0, "stable disease": 1, "progressive disease": 0}
    assert scores.balanced_accuracy == pytest.approx(1 / 3)
    assert scores.count == {"partial response": 1, "stable disease": 2, "progressive disease": 1}


def test_a_class_that_does_not_occur_has_no_recall():
    scores = score_response(BEFORE[1:3], AFTER[1:3], AFTER[1:3])
    assert scores.recall == {"partial response": None, "stable disease": 1, "progressive disease": None}
    assert scores.balanced_accuracy == 1


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_what_is_no_diameter_is_refused(wrong):
    with pytest.raises(ValueError, match="the predicted diameters must be positive"):
        score_response(BEFORE[:1], AFTER[:1], np.array([wrong]))
    with pytest.raises(ValueError, match="nothing to score"):
        score_response(BEFORE[:0], AFTER[:0], AFTER[:0])
