"""What two probabilities, a state and a distance are made of: remains of a lesion, conformal distances, a choice for all."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from lesion_tracker.errors import WeightsError
from lesion_tracker.tracking.joint import Labels, Neighbours, choose_jointly
from lesion_tracker.tracking.judge import rules_of
from lesion_tracker.tracking.judgement import NUMBERS, Judgement, Rule, definition, numbers
from lesion_tracker.tracking.patch import SIDE, Patch, reach_mm
from lesion_tracker.tracking.radius import AGREE, DISAGREE, Radii, Radius, conformal_radius, fit_radii, group_of
from lesion_tracker.tracking.remains import Remains, may_have_gone, remains
from tests.tracking.test_confidence_and_fusion import GOOD

RULE = Rule({"nearby": 2.0, "visible": -0.5}, 0.3)
JUDGEMENT = Judgement(
    weights="ab" * 32,
    definition=definition(),
    presence=RULE,
    placement=Rule({"odds": 1.0}, 0.0),
    found_from=0.2,
    radii=Radii({AGREE: Radius(3.0, 400), DISAGREE: Radius(24.0, 60)}),
    neighbours=Neighbours(1.0, 30.0, 10.0),
)


def patch(radius_mm: float, hu: float, noise_hu: float, seed: int, shift: int = 0) -> Patch:
    """A ball of `hu` against 0 HU."""
    steps = np.linspace(-1, 1, SIDE) * reach_mm(radius_mm)
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    ball = np.where(np.sqrt(x**2 + y**2 + z**2) <= radius_mm, hu, 0.0)
    noise = np.random.default_rng(seed).normal(0, noise_hu, ball.shape)
    return Patch(np.rint(np.roll(ball, shift, axis=2) + noise).astype(np.int16), radius_mm)


@pytest.mark.parametrize("radius_mm", [3.0, 12.0])
def test_a_lesion_that_is_there_is_told_from_one_that_has_gone(radius_mm: float) -> None:
    before = patch(radius_mm, 60.0, 8.0, 0)
    there, gone = (remains(before, patch(radius_mm, hu, 12.0, 1)) for hu in (60.0, 0.0))
    assert there.amount == pytest.approx(0.94, abs=0.08)  # 12 HU of 60 count as noise
    assert gone.amount == pytest.approx(0.0, abs=0.1)
    assert there.emptiness < -0.7 < 0.7 < gone.emptiness
    assert there.change < 0.3 < 0.8 < gone.change
    assert there.visible == pytest.approx(gone.visible, rel=0.3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({}, True, id="gone"),
        pytest.param({"changed_hu": 5.0}, False, id="grown over its rim: its own density is the same"),
        pytest.param({"lost_hu": 20.0}, False, id="faded"),
        pytest.param({"contrast_hu": 15.0}, False, id="it could hardly be seen"),
    ],
)
def test_a_visible_lesion_of_which_nothing_is_left_may_have_gone(change: dict[str, float], told: bool) -> None:
    before = patch(6.0, 60.0, 8.0, 0)
    place = replace(GOOD, **{"contrast_hu": 60.0, "lost_hu": 58.0, "changed_hu": 55.0, **change})
    assert may_have_gone(place, remains(before, patch(6.0, 0.0, 12.0, 1))) is told
    assert not may_have_gone(place, remains(before, patch(6.0, 60.0, 12.0, 1)))


def test_a_lesion_beside_the_place_is_there_and_one_in_noise_can_hardly_be_seen() -> None:
    before = patch(4.0, 60.0, 8.0, 0)
    beside = remains(before, patch(4.0, 60.0, 8.0, 1, shift=2))
    assert beside.nearby > 0.85 > beside.amount
    assert remains(before, patch(4.0, 60.0, 60.0, 1)).visible < 0.4 * beside.visible


def test_a_new_error_is_within_the_distance_with_ninety_percent() -> None:
    assert conformal_radius([float(n) for n in range(1, 20)]) == Radius(18.0, 19)  # (19 + 1) x 0.9 = 18
    assert (
        conformal_radius([float(n) for n in range(1, 9)]).radius_mm == math.inf
    )  # (8 + 1) x 0.9 > 8: nothing can be promised
    rng = np.random.default_rng(0)
    held = [rng.exponential(2.0) <= conformal_radius(rng.exponential(2.0, 60).tolist()).radius_mm for _ in range(2000)]
    assert np.mean(held) == pytest.approx(0.9, abs=0.02)  # three standard errors


def test_points_that_registration_and_network_both_mean_have_a_distance_of_their_own() -> None:
    assert group_of(GOOD) == AGREE
    off = [replace(GOOD, from_network_mm=9.0), replace(GOOD, apart_mm=9.0)]
    assert [group_of(one) for one in off] == [DISAGREE, DISAGREE]
    assert JUDGEMENT.radii.of(GOOD) == 3.0
    assert [JUDGEMENT.radii.of(one) for one in off] == [24.0, 24.0]
    fitted = fit_radii([1.0] * 50 + [8.0] * 39, [AGREE] * 50 + [DISAGREE] * 39)
    assert fitted.of(GOOD) == 1.0
    assert fitted.of(off[0]) is None  # 39 are too few to say anything


def test_a_judgement_survives_the_card_and_names_what_it_was_not_fitted_for() -> None:
    stored = json.loads(json.dumps(JUDGEMENT.to_json(), allow_nan=False))
    assert Judgement.from_json(stored) == JUDGEMENT
    assert JUDGEMENT.problem("ab" * 32) == ""
    assert "for other weights (abababababab, these are cdcd" in JUDGEMENT.problem("cd" * 32)
    other = rules_of({"judgement": {**stored, "definition": "older"}}, "ab" * 32)
    assert f"on other evidence (older, now {definition()})" in other.problem
    assert not other.calibrated
    assert other.found_from == pytest.approx(0.2)
    with pytest.raises(WeightsError, match=r"judgement cannot be read.*\['smell'\]"):
        Judgement.from_json({**stored, "presence": {"weights": {"smell": 1.0}, "offset": 0.0}})
    with pytest.raises(WeightsError, match="judgement cannot be read"):
        Judgement.from_json({**stored, "radii": {}})


def test_the_numbers_have_their_names_and_weights_without_a_head_say_nothing() -> None:
    left = Remains(visible=3.0, amount=0.8, nearby=0.9, emptiness=-1.0, change=0.0)
    found = numbers(GOOD, 0.9, left, 3.0, None)
    assert tuple(found) == NUMBERS
    assert found["head"] == 0.0
    assert found["odds"] == pytest.approx(math.log(9.0))
    assert found["left"] + found["missing"] == pytest.approx(math.log(4.0))
    assert RULE.probability(found) == pytest.approx(1 / (1 + math.exp(-(0.3 + 2 * 0.9 - 0.5 * math.log(4.0)))))


def lesion(x: float, places: list[list[float]], shares: list[float], presence: float = 0.9) -> Labels:
    """A lesion at (x, 0, 0) that registration expects there."""
    center = np.array([x, 0.0, 0.0])
    return Labels(center, center, center + np.array(places), np.array(shares), presence)


HERE, MOVED = [0.0, 0.0, 0.0], [0.0, 0.0, 30.0]
NEAR = Neighbours(weight=2.0, reach_mm=30.0, apart_mm=10.0)


def test_one_lesion_alone_is_chosen_by_its_own_evidence() -> None:
    for one in (lesion(0, [HERE, MOVED], [0.6, 0.4]), lesion(0, [HERE], [1.0], presence=0.2)):
        found = choose_jointly([one], NEAR)[0]
        np.testing.assert_allclose(found.shares, one.shares)
        assert found.presence == pytest.approx(one.presence)
        assert found.claimed_by is None
    assert found.label == 1  # "absent"


def test_a_lesion_whose_neighbours_moved_has_moved_with_them() -> None:
    sure = [lesion(x, [HERE, MOVED], [0.05, 0.95]) for x in (-15.0, 15.0)]
    torn = lesion(0.0, [HERE, MOVED], [0.6, 0.4])
    assert choose_jointly([torn], NEAR)[0].label == 0
    together = choose_jointly([torn, *sure], NEAR)
    assert [one.label for one in together] == [1, 1, 1]
    assert together[0].shares[1] > 0.8
    far = [replace(one, baseline_mm=one.baseline_mm + 500.0) for one in sure]
    assert choose_jointly([torn, *far], NEAR)[0].label == 0


def test_no_place_is_claimed_twice_and_who_has_it_is_named() -> None:
    right = lesion(0.0, [HERE], [1.0], presence=0.95)
    wrong = lesion(20.0, [[-20.0, 0.0, 0.0], [0.0, 25.0, 0.0]], [0.7, 0.3], presence=0.6)
    found = choose_jointly([right, wrong], Neighbours(0.0, 30.0, 10.0))
    assert found[0].label == 0
    assert found[1].label != 0
    assert found[1].claimed_by == 0
    assert found[1].presence < 0.4
    twins = [lesion(x, [HERE], [1.0]) for x in (0.0, 4.0)]  # two lesions that really are 4 mm apart
    assert [one.label for one in choose_jointly(twins, NEAR)] == [0, 0]


def test_many_lesions_are_chosen_as_by_all_combinations(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: dict[int, list[int]] = {}
    for exact in (10**7, 1):
        monkeypatch.setattr("lesion_tracker.tracking.joint.EXACT", exact)
        rng = np.random.default_rng(0)
        for _ in range(12):
            drawn = [
                lesion(x, [HERE, MOVED, rng.normal(0, 20, 3).tolist()], rng.dirichlet([1.0] * 3).tolist())
                for x in rng.uniform(0, 80, 6)
            ]
            chosen.setdefault(exact, []).extend(one.label for one in choose_jointly(drawn, NEAR))
    assert np.mean(np.equal(*chosen.values())) > 0.95
    assert choose_jointly([], NEAR) == []
