"""What the scenario draws for an implant: it grows, shrinks, changes density or vanishes, among look-alikes and new bodies."""

from dataclasses import replace

import numpy as np
import pytest

from lesion_tracker.training.examples.appearance import random_appearance
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.pair import ExamplePair
from tests.training.made import NO_ERRORS, SCENARIO, made_study

SEEDS = 120


@pytest.fixture(scope="module")
def pairs() -> list[ExamplePair]:
    study = made_study(lesions=False)
    settings = replace(SCENARIO, implant=1.0, vanished=0.2, moving=0.45)
    return [draw_constructed_pair([study], NO_ERRORS, settings, np.random.default_rng(seed)) for seed in range(SEEDS)]


def test_lesions_grow_shrink_and_change_density(pairs: list[ExamplePair]) -> None:
    factors, changes = [], []
    for pair in pairs:
        if pair.lesions[0].kind != "implant":
            continue
        before, after = pair.baseline.implants[0], pair.followup.implants[0]
        assert np.array_equal(before.center_mm, after.center_mm)  # the warp moves it
        factors.append(after.radius_mm / before.radius_mm)
        changes.append(after.hu - before.hu)
    assert 0.5 - 1e-6 <= min(factors) < 0.65
    assert 1.6 < max(factors) <= 2.0 + 1e-6
    assert 8 < np.std(changes) < 25


def test_a_vanished_lesion_is_not_in_the_follow_up(pairs: list[ExamplePair]) -> None:
    gone = [pair for pair in pairs if pair.lesions[0].kind == "vanished"]
    assert len(gone) > SEEDS * 0.08
    for pair in gone:
        assert pair.lesions[0].followup_mm is None
        center = pair.baseline.implants[0].center_mm
        assert all(np.linalg.norm(body.center_mm - center) > 5.0 for body in pair.followup.implants)


def test_look_alikes_are_as_near_as_their_sizes_allow_and_stay(pairs: list[ExamplePair]) -> None:
    seen = 0
    for pair in pairs:
        lesion, *likes = pair.baseline.implants
        for like in likes:
            seen += 1
            apart = np.linalg.norm(like.center_mm - lesion.center_mm)
            beyond = max(0.0, lesion.radius_mm + like.radius_mm - 12)
            assert 10.0 - 1e-6 <= apart - beyond <= 20.0 + 1e-6
            assert abs(like.hu - lesion.hu) < 60
            assert any(np.array_equal(like.center_mm, body.center_mm) for body in pair.followup.implants)
    assert seen > SEEDS / 3


def test_a_new_body_appears_beside_one_lesion_in_seven(pairs: list[ExamplePair]) -> None:
    new = 0
    for pair in pairs:
        known = [tuple(body.center_mm) for body in pair.baseline.implants]
        new += any(tuple(body.center_mm) not in known for body in pair.followup.implants)
    assert 0.05 * SEEDS < new < 0.3 * SEEDS


def test_a_third_moves_15_mm_and_more_against_its_surroundings(pairs: list[ExamplePair]) -> None:
    assert np.mean([pair.lesions[0].moved_mm >= 15 for pair in pairs]) > 1 / 3


def test_scans_differ_in_slices_contrast_kernel_and_noise() -> None:
    looks = [random_appearance(np.random.default_rng(seed)) for seed in range(200)]
    assert {look.slices for look in looks} == {1, 2, 3}
    contrast = np.array([look.contrast_hu for look in looks])
    assert 0.3 < np.mean(contrast == 0) < 0.7
    assert 15 < np.std(contrast[contrast != 0]) < 35
    noise = np.array([look.noise_hu for look in looks])
    assert min(noise) >= 0
    assert max(noise) - min(noise) > 15
    assert 0 < np.mean([look.blur_mm > 0 for look in looks]) < 1
    assert 0 < np.mean([look.sharpen > 0 for look in looks]) < 1
