"""The benchmark of suggestions: bodies do what their kind says, and the page counts what was suggested of whom."""

from typing import Any

import numpy as np
import pytest

from benchmarks.constructed.bodies import Body
from benchmarks.fates.page import page
from benchmarks.fates.scenario import GAP_MM, MAKE, Site, gap_mm

SITE = Site(np.array([10.0, -20.0, 30.0]), 40.0, 60.0, 2.0)


def _least_cover(bodies: tuple[Body, ...]) -> tuple[float, float]:
    """Return the least cover between two centres, and the length over which it is below a half, mm."""
    one, other = (body.center_mm for body in bodies)
    length = float(np.linalg.norm(other - one))
    points = one + np.linspace(0.0, 1.0, 400)[:, None] * (other - one)
    cover = np.max([body.cover(points)[0] for body in bodies], axis=0)
    return float(cover.min()), float((cover < 0.5).mean()) * length


@pytest.mark.parametrize("seed", range(4))
def test_bodies_merge_stay_apart_and_split(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = MAKE["merging"](SITE, rng)
    assert _least_cover(before)[1] >= GAP_MM - 0.3
    assert _least_cover(after)[0] > 0.5
    before, after = MAKE["couple"](SITE, rng)
    assert min(_least_cover(before)[1], _least_cover(after)[1]) >= GAP_MM - 0.3
    (whole,), parts = MAKE["splitting"](SITE, rng)
    assert _least_cover(parts)[1] >= GAP_MM - 0.3
    assert all(np.linalg.norm(part.center_mm - whole.center_mm) < whole.radius_mm for part in parts)
    assert all(abs(body.hu - SITE.around_hu) >= 50.0 for body in (*before, *after))
    assert {len(one) for one in MAKE["vanished"](SITE, rng)} == {1, 0}
    assert [len(one) for one in MAKE["new"](SITE, rng)] == [0, 1]


def test_bodies_above_each_other_are_apart_by_more_than_a_slice() -> None:
    assert gap_mm(np.array([0.0, 0.0, -1.0]), 5.0) == pytest.approx(7.5)
    assert gap_mm(np.array([1.0, 0.0, 0.0]), 5.0) == pytest.approx(GAP_MM)


def test_the_page_counts_suggestions_of_whom_they_are_true() -> None:
    def lesion(name: str, kind: str, group: str = "", visible: bool = True) -> dict[str, Any]:
        return {"id": name, "kind": kind, "group": group or name, "visible": visible}

    def said(what: str, *lesions: str) -> dict[str, Any]:
        return {"what": what, "study": "followup", "lesions": list(lesions)}

    lesions = [lesion("a", "vanished"), lesion("b", "vanished", visible=False), lesion("c", "ordinary")]
    lesions += [
        lesion("m1a", "merging", "m1"),
        lesion("m1b", "merging", "m1"),
        lesion("n", "new"),
        lesion("o", "vanished"),
    ]
    tracks = [{"id": one["id"], "state": "outside" if one["id"] == "o" else "found"} for one in lesions]
    told = [said("gone?", "a"), said("merged?", "m1b", "m1a"), said("merged?", "c", "m1a"), said("new?", "c")]
    record = {"lesions": lesions, "tracks": tracks, "suggested": told, "seconds": 60.0}
    about = {"command": "x", "volumes": "y", "weights": "w", "code": "k", "seed": 1}
    text = page([record], about)
    assert "| gone? | vanished, visible | 1 of 1: 100 % (21–100) | yes |" in text
    assert "| gone? | vanished, too faint | 0 of 1: 0 % (0–79) | yes |" in text
    assert "| merged? | two that became one, visible | 1 of 1: 100 % (21–100) | yes |" in text
    # 7 lesions make 21 pairs, one of which merged; of the others one was suggested
    assert "| merged? | any other two of the follow-up | 1 of 20: 5 % (1–24) | no |" in text
    assert "| new? | new, visible | 0 of 1: 0 % (0–79) | yes |" in text
    assert "| split? | splitting, visible | none drawn | yes |" in text
