"""What became of a lesion: kept, faded, gone, of the opposite contrast."""

import numpy as np
import pytest

from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.core import Core, compare_cores, core_points
from tests.tracking.made_pair import case, pair, texture, with_ball

CENTER = np.array([5.0, 5.0, -6.0])
QUIET = 40.0 + 0.2 * (texture() - 40.0)
BEFORE = with_ball(QUIET, CENTER, 8.0, 160.0)


def core_at(lesion: Case, place_mm: np.ndarray) -> Core:
    (core,) = compare_cores(lesion, place_mm[None])
    return core


@pytest.mark.parametrize(
    ("after", "lost", "hu"),
    [(160.0, 0.0, 0.0), (100.0, 0.5, 60.0), (None, 1.0, 120.0), (-80.0, 1.5, 240.0)],
    ids=["kept", "faded", "gone", "opposite"],
)
def test_the_share_of_contrast_that_is_gone(after: float | None, lost: float, hu: float) -> None:
    made = pair(BEFORE, QUIET if after is None else with_ball(QUIET, CENTER, 8.0, after))
    core = core_at(case(made, CENTER, 8.0), CENTER)
    assert core.lost == pytest.approx(lost, abs=0.12)
    assert core.lost_hu == pytest.approx(hu, abs=15)
    assert core.contrast_hu == pytest.approx(120, abs=15)
    assert core.rim > 0.3


def test_a_lesion_that_is_still_there_has_its_texture() -> None:
    made = pair(BEFORE, BEFORE)
    there = core_at(case(made, CENTER, 8.0), CENTER)
    gone = core_at(case(pair(BEFORE, QUIET), CENTER, 8.0), CENTER)
    assert there.texture > 0.9 > gone.texture
    assert there.changed_hu == 0


def test_a_lesion_without_contrast_has_nothing_to_lose() -> None:
    made = pair(QUIET, QUIET)
    assert core_at(case(made, CENTER, 8.0), CENTER).lost == 0


def test_inside_and_rim_do_not_touch() -> None:
    inside, rim = core_points(10.0)
    assert np.linalg.norm(inside, axis=1).max() <= 7.0 + 1e-9
    assert np.linalg.norm(rim, axis=1).min() >= 12.0
