"""The gate: what it publishes, what it keeps back, and the sentence that says why."""

import numpy as np
import pytest

from lesion_tracker.training.learning.gate import Kept, PairedErrors, best_before, bootstrap_share, decide
from lesion_tracker.training.learning.split import split_patients

GOOD = Kept(40, 30, 29, 30)


def errors_changed(change: list[float]) -> PairedErrors:
    before = tuple(6.0 + n for n in range(len(change)))
    after = tuple(b + c for b, c in zip(before, change, strict=True))
    return PairedErrors(before, after, tuple(f"p{n % 4}" for n in range(len(change))), "held-out patients")


def test_lower_on_every_lesion_is_published_with_its_numbers() -> None:
    decision = decide(errors_changed([-2.0] * 9), GOOD)
    assert decision.publish
    assert "10.0 mm before, 8.0 mm after" in decision.reason
    assert decision.figures["bootstrap_share"] == 1.0
    assert decision.figures["patients"] == 4


def test_a_mean_that_is_lower_by_one_lucky_lesion_is_kept_back() -> None:
    # the mean falls by 0.2 mm, but without the one lesion it rises by 1 mm: (3/4)^4-like chance of leaving it out
    decision = decide(errors_changed([1.0] * 9 + [-11.0]), GOOD)
    assert not decision.publish
    assert "not surely better" in decision.reason
    assert 0.5 < decision.figures["bootstrap_share"] < 0.8


def test_lower_errors_to_points_that_are_far_from_what_the_weights_see_are_kept_back() -> None:
    before = tuple(24.0 + n for n in range(8))
    far = PairedErrors(before, tuple(b - 5.0 for b in before), tuple("abcdabcd"), "held-out patients")
    decision = decide(far, GOOD)
    assert not decision.publish
    assert decision.figures["bootstrap_share"] == 1.0
    assert "only 0 are found within 10 mm of the reader's point" in decision.reason
    assert "are the corrections on the right lesions?" in decision.reason


def test_the_share_of_a_known_case_is_its_exact_probability() -> None:
    # two lesions, -1 and +1: a sample's mean is lower only if both draws take the first, 1 in 4
    assert bootstrap_share([1.0, 1.0], [0.0, 2.0]) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("after", "publish"), [(30, True), (28, True), (27, False)])
def test_at_most_two_validation_inputs_may_be_lost(after: int, publish: bool) -> None:
    decision = decide(errors_changed([-2.0] * 9), Kept(40, 30, after, 30))
    assert decision.publish is publish
    assert f"30 of 40 validation inputs found before, {after} after" in decision.reason


def test_trainings_one_after_another_lose_no_more_than_one_may() -> None:
    found, card = 30, {}
    for _ in range(5):
        kept = Kept(40, found, found - 2, best_before(card, found, 40))
        decision = decide(errors_changed([-2.0] * 9), kept)
        if not decision.publish:
            break
        card, found = {"gate": decision.figures}, found - 2
    assert found == 28
    assert (
        "28 of 40 validation inputs found before, 26 after: at most 2 of the 30 that earlier weights found may be lost"
        in (decision.reason)
    )


def test_the_best_of_a_card_of_an_earlier_version_is_what_its_parent_found() -> None:
    card = {"gate": {"validation": {"n": 40, "before": 33, "after": 31}}}
    assert best_before(card, 31, 40) == 33
    assert best_before(card, 31, 50) == 31  # other inputs
    assert best_before({}, 31, 40) == 31


def test_without_validation_inputs_nothing_is_published() -> None:
    decision = decide(errors_changed([-2.0] * 9), Kept(0, 0, 0, 0))
    assert not decision.publish
    assert "no validation inputs" in decision.reason


def test_too_few_tested_lesions_are_kept_back() -> None:
    decision = decide(errors_changed([-5.0] * 3), GOOD)
    assert not decision.publish
    assert "only 3 corrected lesions" in decision.reason


def test_errors_that_are_not_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="2 old errors, 1 new ones"):
        PairedErrors((1.0, 2.0), (1.0,), ("a", "b"), "x")


def test_enough_patients_are_held_out_and_none_is_split() -> None:
    corrected = {f"p{n}": 4 for n in range(8)}
    split = split_patients(corrected, np.random.default_rng(1))
    assert split.held_out
    assert len(split.folds) == 1
    held = split.folds[0].tested
    assert len(held) >= 3
    assert sum(corrected[name] for name in held) >= 8


@pytest.mark.parametrize("corrected", [{"a": 10, "b": 10}, {"a": 2, "b": 2, "c": 2, "d": 2}, {"a": 30, "b": 1, "c": 1}])
def test_few_patients_are_cross_validated_each_once(corrected: dict[str, int]) -> None:
    split = split_patients(corrected, np.random.default_rng(2))
    assert not split.held_out
    assert 2 <= len(split.folds) <= 3
    tested_patients = sorted(name for fold in split.folds for name in fold.tested)
    assert tested_patients == sorted(corrected)


def test_one_patient_cannot_be_tested() -> None:
    with pytest.raises(ValueError, match="at least 2 patients are needed, there are 1"):
        split_patients({"a": 20, "only accepted": 0}, np.random.default_rng(3))
