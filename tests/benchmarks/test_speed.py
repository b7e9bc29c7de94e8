"""The page of the seconds: ratios are against auto, and an aim that is missed is named."""

from typing import Any

import numpy as np

from benchmarks.accuracy.built import Loaded
from benchmarks.speed.measure import DRAWN, NEAR_MM, OWN, neighbours, spent
from benchmarks.speed.page import markdown
from lesion_tracker.records.lesion import Lesion
from tests.tracking.made_pair import pair, texture


def took(seconds: float, error_mm: float) -> dict[str, Any]:
    return {"seconds": seconds, "cpu_s": 2 * seconds, "peak_bytes": 2_000_000_000, "error_mm": error_mm, "lesions": 4}


def test_the_page_names_ratios_and_missed_aims():
    first = {"a/0": {"auto": took(2.0, 1.05), "deformable": took(8.0, 0.9), "bspline": took(10.0, 2.0)}}
    further = {
        "a/0": [
            {"seconds": 0.5, "cpu_s": 0.5, "count": 5, "which": DRAWN},
            {"seconds": 3.0, "cpu_s": 3.0, "count": 20, "which": DRAWN},
            {"seconds": 3.0, "cpu_s": 4.5, "count": 15, "which": OWN},
        ]
    }
    page = markdown(first, further, "# head")
    assert "| a/0 | deformable | 8.00 | 16.00 | 4.0 | 4.0 | 2.0 | 0.90 (n = 4) |" in page
    assert "| a/0: ≥ 3.5 times faster than `deformable` | 4.0 by the clock, 4.0 of the processors | reached |" in page
    assert "| a/0: ≥ 8.0 times faster than `bspline` | 5.0 by the clock, 5.0 of the processors | MISSED |" in page
    assert "| a/0: at most 0.1 mm less exact than `deformable` | +0.15 mm | MISSED |" in page
    assert f"| a/0: 5 further ({DRAWN}) ≤ 0.1 s each | 0.10 s | reached |" in page
    assert f"| a/0: 20 further ({DRAWN}) ≤ 0.1 s each | 0.15 s | MISSED |" in page
    assert f"| a/0: 15 further ({OWN}) ≤ 0.25 s each | 0.20 s | reached |" in page
    assert f"| a/0 | {OWN} | 15 | 0.20 | 0.30 |" in page


def test_neighbours_lie_in_the_body_round_the_first_and_work_is_timed():
    made = pair(texture(), texture())
    first = Lesion("a", (4.0, -2.0, 6.0), 6.0)
    found, took = spent(lambda: neighbours(Loaded(made, [], {}), first, 20, np.random.default_rng(0)))
    points = np.array([one.center_mm for one in found])
    assert len({one.id for one in found}) == 20
    assert (np.linalg.norm(points - first.center_mm, axis=1) <= NEAR_MM).all()
    assert made.baseline.grid.contains(points).all()
    assert took.seconds > 0
    assert took.peak_bytes > 10**7
