"""The scores, worked out by hand; the golden numbers of the benchmark are in tests/evaluation/test_dls_file.py."""

import math

import numpy as np
import pytest

from lesion_tracker.scoring.cpm import hits_at_10mm, hits_at_radius, score


def along_x(*errors_mm):
    return np.array([[error, 0.0, 0.0] for error in errors_mm])


def test_perfect_answers():
    scores = score(along_x(0.0, 0.0), np.array([5.0, 20.0]))
    assert (scores.cpm_at_10mm, scores.cpm_at_radius, scores.within_10mm) == (1, 1, 1)
    assert (scores.med_mm, scores.med_sd_mm, scores.median_mm) == (0, 0, 0)


def test_an_error_of_exactly_the_radius_counts_at_10mm_but_not_at_radius():
    scores = score(along_x(4.0), np.array([4.0]))
    assert scores.cpm_at_10mm == 1
    assert scores.cpm_at_radius == 0


def test_an_error_of_exactly_10_mm_counts():
    assert score(along_x(10.0), np.array([30.0])).cpm_at_10mm == 1
    assert score(along_x(np.nextafter(10.0, 11.0)), np.array([30.0])).cpm_at_10mm == 0


def test_10mm_is_not_a_plain_10mm_for_small_lesions():
    scores = score(along_x(6.0), np.array([4.0]))
    assert scores.cpm_at_10mm == 0
    assert scores.within_10mm == 1


def test_a_lesion_without_extent_still_has_a_score():
    assert list(hits_at_radius(np.array([0.0, 0.002]), np.array([0.0, 0.0]))) == [True, False]
    assert list(hits_at_10mm(np.array([0.0, 0.002]), np.array([0.0, 0.0]))) == [True, False]


def test_distances_over_the_axes():
    scores = score(np.array([[3.0, -4.0, 0.0], [0.0, 0.0, -13.0], [1.0, 2.0, 2.0]]), np.array([6.0, 6.0, 6.0]))
    errors = [5.0, 13.0, 3.0]
    mean = 21 / 3
    assert scores.n == 3
    assert scores.med_mm == pytest.approx(mean)
    assert scores.med_sd_mm == pytest.approx(math.sqrt(sum((e - mean) ** 2 for e in errors) / 3))  # population
    assert (scores.med_x_mm, scores.med_y_mm, scores.med_z_mm) == pytest.approx((4 / 3, 6 / 3, 15 / 3))
    of_axis = [math.sqrt(sum((e - sum(a) / 3) ** 2 for e in a) / 3) for a in ((3, 0, 1), (4, 0, 2), (0, 13, 2))]
    assert (scores.med_x_sd_mm, scores.med_y_sd_mm, scores.med_z_sd_mm) == pytest.approx(of_axis)
    assert scores.median_mm == 5
    assert scores.cpm_at_radius == pytest.approx(2 / 3)


def test_the_order_of_the_lesions_does_not_matter():
    rng = np.random.default_rng(0)
    errors, radii = rng.normal(0, 6, (50, 3)), rng.uniform(2, 30, 50)
    order = rng.permutation(50)
    first, second = score(errors, radii).to_json(), score(errors[order], radii[order]).to_json()
    assert first == pytest.approx(second)


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="nothing to score"):
        score(np.empty((0, 3)), np.empty(0))


def test_a_lesion_without_an_answer_counts_for_the_fractions_alone():
    found = score(np.concatenate([along_x(3.0), along_x(5.0), np.full((1, 3), np.inf)]), np.array([8.0, 4.0, 500.0]))
    assert (found.n, found.cpm_at_10mm, found.cpm_at_radius, found.within_10mm) == pytest.approx(
        (3, 1 / 3, 1 / 3, 2 / 3)
    )
    assert (found.med_mm, found.median_mm, found.med_x_mm, found.med_y_mm) == pytest.approx((4.0, 4.0, 4.0, 0.0))


def test_without_any_answer_nothing_is_hit_and_distances_are_infinite():
    found = score(np.full((2, 3), np.inf), np.array([8.0, 4.0]))
    assert (found.cpm_at_10mm, found.within_10mm, found.med_mm) == (0.0, 0.0, np.inf)


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        score(along_x(math.nan), np.array([4.0]))
