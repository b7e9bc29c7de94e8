"""A session says truly what took how long, and why there is no network."""

import time
from typing import Any

import pytest

from lesion_tracker.errors import WeightsError
from lesion_tracker.records.derived import expected_track
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.session import session
from tests.tracking.made_pair import pair, texture

LESIONS = [Lesion(f"lesion_{number}", (0.0, 0.0, 10.0 * number), 5.0) for number in (1, 2, 3)]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A pair, and a tracker that takes 2 s for registration and half a second a lesion, by its own word."""

    def answer(pair: Pair, lesions: list[Lesion], options: TrackOptions, **more: Any) -> list[Any]:
        seconds = {"registration": 2.0, "network": 0.5, "total": 2.5}
        return [
            expected_track(one, "a", "b", one.center_mm, 5.0, options.method, seconds=seconds, note=more["problem"])
            for one in lesions
        ]

    monkeypatch.setattr("lesion_tracker.tracking.session.track", answer)
    return pair(texture(), texture())


def test_registration_counts_once_the_network_for_every_lesion_and_the_total_by_the_clock(opened: Pair) -> None:
    def slowly() -> tuple[Pair, list[Lesion]]:
        time.sleep(0.2)
        return opened, LESIONS

    started = time.perf_counter()
    done = session(slowly, TrackOptions("affine"))
    spent = time.perf_counter() - started
    assert done.pair is opened
    assert done.lesions == LESIONS
    assert [track.method for track in done.tracks] == ["affine"] * 3
    assert (done.seconds["registration"], done.seconds["network"]) == (2.0, 1.5)
    assert 0.2 <= done.seconds["load"] <= done.seconds["total"] <= spent + 0.001


def test_without_lesions_nothing_took_time(opened: Pair) -> None:
    seconds = session(lambda: (opened, [])).seconds
    assert (seconds["registration"], seconds["network"]) == (0.0, 0.0)


def test_the_reason_for_lacking_weights_is_handed_on(opened: Pair) -> None:
    (found,) = session(lambda: (opened, LESIONS[:1]), published=lambda: (None, "the file is torn")).tracks
    assert found.note == "the file is torn"


def test_a_method_that_needs_weights_says_why_there_are_none() -> None:
    made = pair(texture(), texture())
    with pytest.raises(WeightsError, match=r"'dlt' needs weights, .* to use: the file is torn; use 'auto'"):
        session(lambda: (made, LESIONS), TrackOptions("dlt"), published=lambda: (None, "the file is torn"))
    with pytest.raises(WeightsError, match="none are published"):
        session(lambda: (made, LESIONS), TrackOptions("dlt"))
