"""The slide: the shift is found wherever the coverage lies, and the score says when there is none."""

import numpy as np
import pytest

from lesion_tracker.registration.slide import shrunk, slides
from lesion_tracker.registration.views import view_of
from lesion_tracker.volumes.volume import Volume
from tests.registration.phantom import study


def slide(baseline: Volume, followup: Volume, count: int = 1):
    return slides(shrunk(view_of(baseline), 2), shrunk(view_of(followup), 2), count)


@pytest.mark.parametrize("z_mm", [(0.0, 36.0), (100.0, 136.0), (240.0, 300.0), (60.0, 200.0)])
@pytest.mark.parametrize("shift_mm", [(-40.0, 25.0, 250.0), (3.0, -1.0, -137.0)])
def test_finds_a_slab_in_the_whole_both_ways(z_mm, shift_mm):
    whole = study()
    slab = study(z_mm, origin_shift_mm=shift_mm, table_mm=112.0, seed=5)
    there, back = slide(whole, slab)[0], slide(slab, whole)[0]
    assert np.abs(there.shift_mm - shift_mm).max() < 5.0  # voxels of 8 mm, refined by a parabola
    assert np.abs(back.shift_mm + shift_mm).max() < 5.0
    assert there.score > 0.7


def test_finds_the_overlap_of_two_ends():
    upper, lower = study((110.0, 300.0)), study((0.0, 190.0), origin_shift_mm=(0.0, 10.0, 77.0), seed=4)
    assert np.abs(slide(upper, lower)[0].shift_mm - [0.0, 10.0, 77.0]).max() < 5.0


def test_returns_further_candidates_in_order_and_apart():
    found = slide(study(), study((100.0, 136.0), seed=2), count=3)
    assert len(found) == 3
    assert found[0].score >= found[1].score >= found[2].score
    heights = sorted(s.shift_mm[2] for s in found)
    assert min(np.diff(heights)) > 16.0


def test_bodies_thinner_than_the_least_overlap_fit_nowhere():
    assert slide(study(), study((100.0, 108.0))) == []
