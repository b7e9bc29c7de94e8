"""Two scans of one constructed body: the lesion is found, its state is honest, and wrong input is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lesion_tracker.errors import PointOutsideError, RegistrationFailed, WeightsError
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.tracker import Tracker, tracker_from_net
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.methods import METHODS
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.views import translation
from lesion_tracker.tracking.confidence import FOUND_FROM
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.track import _marked_twice, track
from tests.registration import phantom
from tests.tracking.test_judgement import JUDGEMENT

SHIFT = (20.0, -12.0, 35.0)
PAIR = Pair(phantom.study(), phantom.study(origin_shift_mm=SHIFT, table_mm=140.0, seed=5), "before", "after")
LESION = Lesion(id="lesion_1", center_mm=(40.0, -20.0, 150.0), radius_mm=10.0, tracking_uid="1.2.3")


@pytest.fixture(scope="module")
def untrained() -> Tracker:
    torch.manual_seed(0)
    return tracker_from_net(
        TrackerNet(NetworkConfig(blocks=(1, 1, 1), growth=8, stem=8, features=16)), name="untrained"
    )


TWICE = "one lesion twice?"


def test_registration_finds_a_lesion_again() -> None:
    (found,) = track(PAIR, [LESION], TrackOptions("affine"))
    truth = np.array(LESION.center_mm) + SHIFT
    assert np.linalg.norm(np.array(found.center_mm) - truth) < 6.0
    assert found.state == "found"
    assert not found.calibrated
    assert found.tracking_uid == "1.2.3"
    assert found.method == "affine"
    assert found.seconds["registration"] > 0


def test_auto_without_weights_says_that_registration_alone_answered() -> None:
    (found,) = track(PAIR, [LESION], TrackOptions("auto"))
    assert "no published weights" in found.method
    assert "no weights are published" in found.note
    assert found.model is None


def test_a_lesion_that_was_not_scanned_is_outside() -> None:
    upper = Pair(phantom.study(), phantom.study(z_mm=(140.0, 300.0), seed=2))
    low = Lesion(id="low", center_mm=(30.0, 0.0, 40.0), radius_mm=8.0)
    (answer,) = track(upper, [low], TrackOptions("affine"))
    assert answer.state == "outside"
    assert answer.confidence == 0.0
    assert "not scanned" in answer.note


def test_dlt_names_its_model_and_its_prior(untrained: Tracker) -> None:
    (answer,) = track(PAIR, [LESION], TrackOptions("dlt"), model=untrained)
    assert answer.model == {"name": "untrained", "sha256": ""}
    assert answer.method == "dlt (affine prior, network alone)"
    assert not answer.calibrated


def test_auto_with_an_unsure_network_keeps_to_registration_or_flags_the_answer(untrained: Tracker) -> None:
    (answer,) = track(PAIR, [LESION], TrackOptions("auto"), model=untrained)
    truth = np.array(LESION.center_mm) + SHIFT
    assert np.linalg.norm(np.array(answer.center_mm) - truth) < 6.0 or answer.state == "uncertain"
    assert answer.presence is answer.placement is answer.radius_90_mm is None


def test_weights_with_a_judgement_say_whether_it_is_there_and_here_and_how_far_off_it_can_be(
    untrained: Tracker,
) -> None:
    judged = replace(untrained, card={"judgement": JUDGEMENT.to_json()})
    (answer,) = track(PAIR, [LESION], TrackOptions("auto", "no"), model=judged)
    presence, placement = answer.presence, answer.placement
    assert presence is not None
    assert placement is not None
    assert answer.confidence == pytest.approx(presence * placement)
    sure = presence * placement >= JUDGEMENT.found_from
    assert answer.state == ("found" if sure else "uncertain")
    assert answer.radius_90_mm in {3.0, 24.0}
    assert "confidence was fitted for other weights" in answer.note
    assert not answer.calibrated
    assert Track.from_json(answer.to_json()) == answer
    stored = {
        key: value for key, value in answer.to_json().items() if key not in {"presence", "placement", "radius_90_mm"}
    }
    assert Track.from_json(stored).presence is None


@pytest.mark.long
def test_auto_registers_round_each_lesion_and_refines_by_the_whole_pair_where_asked(untrained: Tracker) -> None:
    second = Lesion(id="lesion_2", center_mm=(-40.0, -20.0, 150.0), radius_mm=8.0)
    answers = track(PAIR, [LESION, second], TrackOptions("auto", "no"), model=untrained)
    for lesion, answer in zip((LESION, second), answers, strict=True):
        assert answer.method.startswith("auto (local prior, ")
        assert answer.registration["method"] == "local"
        assert answer.seconds["total"] > answer.seconds["registration"] > 0
        assert np.linalg.norm(np.array(answer.expected_mm) - lesion.center_mm - SHIFT) < 3.0
    assert answers[0].registration["crop_ncc"] != answers[1].registration["crop_ncc"]
    (alone,) = track(PAIR, [second], TrackOptions("auto", "no"), model=untrained)
    assert alone.center_mm == answers[1].center_mm
    (refined,) = track(PAIR, [second], TrackOptions("auto", "no", "yes"), model=untrained)
    assert refined.method.startswith("auto (deformable prior, ")
    apart = float(np.linalg.norm(np.array(refined.expected_mm) - alone.expected_mm))
    assert refined.registration["local_mm"] == pytest.approx(apart)
    assert 0 < apart < 3.0


@pytest.mark.long
def test_the_way_of_a_device_ends_at_the_same_place_and_is_named(untrained: Tracker) -> None:
    asked = [LESION], TrackOptions("auto", "no")
    (by_greedy,), (on_device,) = (
        track(PAIR, *asked, model=untrained, device=one) for one in (None, torch.device("cpu"))
    )
    assert on_device.method.startswith("auto (local-torch prior, ")
    assert on_device.registration["method"] == "local-torch"
    truth, places = np.array(LESION.center_mm) + SHIFT, [np.array(one.expected_mm) for one in (by_greedy, on_device)]
    assert np.linalg.norm(places[1] - places[0]) < 0.3  # on voxels of 4 mm, where both are led by noise alone
    assert np.linalg.norm(places[1] - truth) < np.linalg.norm(places[0] - truth) + 0.1


@pytest.mark.long
def test_a_map_of_the_whole_pair_that_fails_leaves_the_local_one_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> FollowupFromBaseline:
        raise RegistrationFailed("no memory")

    monkeypatch.setitem(METHODS, "deformable", replace(METHODS["deformable"], find=fails))
    (answer,) = track(PAIR, [LESION], TrackOptions("auto", "no", "yes"))
    assert answer.registration["method"] == "local"
    assert (
        "the registration of the whole pair failed (no memory); the map found round the lesion was used" in answer.note
    )


def test_what_was_asked_for_in_vain_and_a_lesion_that_is_marked_twice_are_named() -> None:
    beside = replace(LESION, id="again", center_mm=(LESION.center_mm[0] + 0.5, *LESION.center_mm[1:]))
    apart = replace(LESION, id="other", center_mm=(LESION.center_mm[0] + 5.0, *LESION.center_mm[1:]))
    one, other, third = track(PAIR, [LESION, beside, apart], TrackOptions("affine", "no", "yes"))
    assert (
        one.note == f"affine has nothing to refine by: refine was passed over; marked at one point with again: {TWICE}"
    )
    assert other.note.endswith(f"marked at one point with {LESION.id}: {TWICE}")
    assert third.note == "affine has nothing to refine by: refine was passed over"


def test_dlt_without_weights_is_refused() -> None:
    with pytest.raises(WeightsError, match="'dlt' needs weights"):
        track(PAIR, [LESION], TrackOptions("dlt"))


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises((ValueError, TypeError), match=r"magic|annotations"):
        track(PAIR, [LESION], TrackOptions("magic"))


def test_a_point_outside_is_refused_with_the_extent_and_the_likely_cause() -> None:
    with pytest.raises(PointOutsideError, match="spans"):
        track(PAIR, [Lesion(id="far", center_mm=(40.0, -20.0, 993.0), radius_mm=5.0)], TrackOptions("affine"))
    ras = Lesion(id="ras", center_mm=(0.0, -145.0, 100.0), radius_mm=5.0)
    with pytest.raises(PointOutsideError, match="RAS"):
        track(PAIR, [ras], TrackOptions("affine"))


def test_another_patient_s_study_is_answered_uncertain_with_a_warning_in_numbers() -> None:
    (answer,) = track(
        Pair(phantom.study(z_mm=(0.0, 110.0)), phantom.study(z_mm=(190.0, 300.0), patient=4)),
        [Lesion(id="a", center_mm=(30.0, 0.0, 50.0), radius_mm=8.0)],
        TrackOptions("affine"),
    )
    assert answer.state in ("uncertain", "outside")
    assert any("agree poorly" in warning for warning in answer.warnings)


@pytest.mark.parametrize(
    "method", ["affine", *(pytest.param(name, marks=pytest.mark.long) for name in ("dlt", "auto"))]
)
def test_a_doubt_lowers_the_confidence_below_that_of_whatever_is_found(
    method: str, untrained: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sure = FollowupFromBaseline("affine", translation(np.array(SHIFT)), quality={"local_ncc": 0.9})
    unsure = replace(sure, doubts=(Doubt("agreement", 0.31, 0.58, "the studies agree poorly: 0.31"),))
    answers = []
    for registration in (sure, unsure):
        monkeypatch.setattr("lesion_tracker.tracking.registered.register", lambda *_, r=registration: r)
        answers += track(PAIR, [LESION], TrackOptions(method), model=untrained)
    plain, doubted = answers
    assert 0 < doubted.confidence < FOUND_FROM
    assert doubted.confidence < plain.confidence
    assert doubted.state == "uncertain"
    assert "the studies agree poorly: 0.31" in doubted.warnings
    assert "the studies agree poorly: 0.31" not in plain.warnings
    assert np.linalg.norm(np.array(doubted.center_mm) - plain.center_mm) < 3.0  # auto asks for the whole pair, too


def test_studies_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(RegistrationFailed, match="fit nowhere"):
        track(
            Pair(phantom.study(), phantom.study(z_mm=(100.0, 108.0))),
            [Lesion(id="a", center_mm=(30.0, 0.0, 50.0), radius_mm=8.0)],
            TrackOptions("affine"),
        )


class _LeftError(Exception):
    """Whoever asked has gone."""


@pytest.mark.long
@pytest.mark.parametrize("stage", [1, 4, 7])
def test_what_is_no_longer_wanted_ends_between_its_stages(untrained: Tracker, stage: int) -> None:
    many = [
        replace(LESION, id=f"lesion_{n}", center_mm=(LESION.center_mm[0] + 6.0 * n, *LESION.center_mm[1:]))
        for n in range(3)
    ]
    asked = 0

    def going_on() -> None:
        nonlocal asked
        asked += 1
        if (
            asked == stage
        ):  # of three lesions: 1 to 3 before each, 4 before the network, 5 to 7 while they are looked at
            raise _LeftError

    with pytest.raises(_LeftError):
        track(PAIR, many, TrackOptions("auto", "no"), model=untrained, going_on=going_on)
    assert asked == stage


def test_thousands_of_marks_at_one_point_are_told_without_looking_at_all_pairs() -> None:
    said = _marked_twice([replace(LESION, id=f"lesion_{n}") for n in range(5000)])  # 12 million pairs
    assert len(said) == 5000
    assert all(f"with {name}:" not in text for name, text in said.items())
