"""Where surroundings fit best: found between the steps, at any shift within reach, and not where nothing is alike."""

import numpy as np
import pytest
import torch

from lesion_tracker.tracking.alignment import TONE, TONE_HU, MatchMap, Surroundings, tone
from lesion_tracker.tracking.local_affine import LocalPatch
from tests.tracking.made_pair import case, moved, pair, texture

CENTER = np.array([4.0, -3.0, 2.0])


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (3.3, -2.1, 1.4), (-7.0, 6.2, -5.5)])
def test_a_shift_is_found_between_the_steps(shift: tuple[float, float, float]) -> None:
    before = texture()
    made = pair(before, moved(before, np.array(shift)))
    match = Surroundings(case(made, CENTER, 5.0), 1.5).look(made.followup, CENTER, 9.0).best()
    assert np.linalg.norm(match.center_mm - CENTER - shift) < 0.5
    assert match.similarity > 0.9


def test_a_far_shift_is_found_on_the_coarse_lattice() -> None:
    before = texture()
    made = pair(before, moved(before, np.array([18.0, -12.0, 10.0])))
    found = Surroundings(case(made, CENTER, 5.0), 2.5).look(made.followup, CENTER, 24.0).peaks(3, 10.0)
    assert np.linalg.norm(found[0].center_mm - CENTER - [18.0, -12.0, 10.0]) < 1.5
    assert found[0].similarity > found[1].similarity + 0.2
    assert np.linalg.norm(found[0].center_mm - found[1].center_mm) >= 9.0


def test_the_correlation_is_that_of_its_definition() -> None:
    before, after = texture(0), texture(1)
    made = pair(before, after)
    surroundings = Surroundings(case(made, CENTER, 5.0), 2.0)
    seen = surroundings.look(made.followup, CENTER + 1.0, 2.0)
    there = pair(after, after)
    shifted = Surroundings(case(there, CENTER + 1.0 + [2.0, 0.0, -2.0], 5.0), 2.0)
    weights = surroundings.weights
    by_hand = float((surroundings.weighted * (shifted.weighted / np.maximum(weights, 1e-30))).sum()) / np.sqrt(
        (surroundings.variance + 0.02**2) * (shifted.variance + 0.02**2)
    )
    assert seen.values[0, 1, 2] == pytest.approx(by_hand, abs=1e-6)


def test_other_tissue_is_not_alike() -> None:
    made = pair(texture(0), texture(1))
    assert Surroundings(case(made, CENTER, 5.0), 1.5).look(made.followup, CENTER, 6.0).best().similarity < 0.65


def test_where_nothing_was_looked_at_is_an_error() -> None:
    seen = MatchMap(np.zeros((3, 3, 3)), CENTER, np.eye(3))
    with pytest.raises(ValueError, match="was looked at"):
        seen.best(CENTER + 100.0, 5.0)


def test_beyond_the_study_there_is_air_and_no_error() -> None:
    made = pair(texture(0), texture(0))
    seen = Surroundings(case(made, CENTER, 5.0), 2.5).look(made.followup, np.array([500.0, 0.0, 0.0]), 10.0)
    assert np.isfinite(seen.values).all()
    assert np.abs(seen.values).max() < 0.2


def test_turns_and_stretches_are_fitted_to_a_tenth_of_a_step() -> None:
    angle = np.deg2rad(9.0)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]) @ np.diag(
        [1.05, 0.96, 1.04]
    )
    before = texture()
    made = pair(before, moved(before, np.array([1.5, -1.0, 1.0]), turn))
    truth = turn @ CENTER + [1.5, -1.0, 1.0]
    patch = LocalPatch(case(made, CENTER, 5.0))
    start = truth + np.array([1.2, 1.0, -1.0])
    fit = patch.fit(made.followup, start, np.eye(3), 6.0)
    rigid = patch.fit(made.followup, start, np.eye(3), 0.0)
    assert np.linalg.norm(fit.center_mm - truth) < 0.3
    assert fit.similarity > 0.95 > rigid.similarity
    assert np.abs(fit.linear - turn).max() < 0.08


def test_a_fit_stays_within_its_reach() -> None:
    before = texture()
    made = pair(before, moved(before, np.array([8.0, 0.0, 0.0])))
    fit = LocalPatch(case(made, CENTER, 5.0)).fit(made.followup, CENTER, np.eye(3), 3.0)
    assert np.linalg.norm(fit.center_mm - CENTER) <= 3.0 + 1e-9


def test_the_tone_curve_is_the_lines_between_its_points() -> None:
    hu = np.linspace(-3000.0, 3000.0, 4001)
    np.testing.assert_allclose(tone(torch.from_numpy(hu)).numpy(), np.interp(hu, TONE_HU, TONE), atol=1e-9)


def test_several_places_are_looked_at_and_fitted_as_each_alone() -> None:
    before = texture()
    made = pair(before, moved(before, np.array([3.0, -2.0, 1.0])))
    lesion = case(made, CENTER, 9.0)
    places = np.array([[0.0, 0.0, 0.0], [4.0, 1.0, -2.0], [30.0, -30.0, 20.0]]) + CENTER
    surroundings, patch = Surroundings(lesion, 2.0), LocalPatch(lesion)
    linear = np.stack([np.eye(3), 1.04 * np.eye(3), np.eye(3)])
    seen = surroundings.looks(made.followup, places, 6.0)
    fits = patch.fits(made.followup, places, linear, [4.0, 6.0, 4.0])
    for n, place in enumerate(places):
        alone = surroundings.look(made.followup, place, 6.0)
        np.testing.assert_allclose(seen[n].values, alone.values, atol=1e-5)
        fit = patch.fit(made.followup, place, linear[n], [4.0, 6.0, 4.0][n])
        assert np.linalg.norm(fits[n].center_mm - fit.center_mm) < 0.02
        assert fits[n].similarity == pytest.approx(fit.similarity, abs=1e-3)
    assert np.linalg.norm(fits[1].center_mm - CENTER - [3.0, -2.0, 1.0]) < 0.3
