"""Registration from end to end on every kind of field of view, of a body whose truth is known, and of real pairs."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.registration.crops import box, circle_of, cropped, field_round, left_of, right_of
from benchmarks.registration.real_pairs import real_pair
from lesion_tracker.registration.register import register
from lesion_tracker.volumes.volume import Volume
from tests.registration.phantom import body_hu, study

pytestmark = pytest.mark.usefixtures("loaded_process")

DATA = Path(os.environ.get("BENCHMARK_DATA", Path(__file__).parents[3] / "shared" / "data"))
SHIFT = np.array([30.0, -20.0, 110.0])
X50, SLAB = np.array([50.0, 0.0, 0.0]), np.array([500.0, 500.0, 24.0])
Cut = Callable[[Volume, np.ndarray], Volume]


def whole(volume: Volume, at: np.ndarray) -> Volume:
    return volume


def cone_beam(volume: Volume, at: np.ndarray) -> Volume:
    """Return a round field of 250 mm with values that drift over the field and are not HU."""
    y = np.linspace(-1.0, 1.0, volume.grid.size[1])[None, :, None]
    hu = np.where(volume.hu > -950, volume.hu * 0.8 - 150.0 + 150.0 * y, volume.hu)
    return circle_of(Volume(hu.astype(np.int16), volume.grid), at, 250.0, -1000)


CUTS: dict[str, Cut] = {
    "right half": lambda v, at: right_of(v, at[0]),
    "left half": lambda v, at: left_of(v, at[0]),
    "220 mm": lambda v, at: field_round(v, at + X50),
    "200 mm, round, -2000": lambda v, at: circle_of(v, at + X50, 200.0, -2000),
    "slab": lambda v, at: box(v, at - SLAB, at + SLAB),
    "cone beam": cone_beam,
}
PAIRS = [(name, cut, cut) for name, cut in CUTS.items() if name != "slab"]
PAIRS += [(f"large, then {name}", whole, cut) for name, cut in CUTS.items()]
PAIRS += [(f"{name}, then large", cut, whole) for name, cut in CUTS.items()]


@pytest.mark.parametrize(("first", "second"), [p[1:] for p in PAIRS], ids=[p[0] for p in PAIRS])
def test_finds_the_same_places_whatever_the_fields_of_view(first: Cut, second: Cut):
    middle = np.array([0.0, 0.0, 190.0])
    shift = tuple(float(v) for v in SHIFT)
    baseline = first(study((60.0, 300.0)), middle)
    followup = second(study((60.0, 300.0), origin_shift_mm=shift, table_mm=112.0, seed=3), middle + SHIFT)
    there = register(baseline, followup, "affine")
    points = np.random.default_rng(0).uniform([-120, -80, 70], [120, 80, 290], (4000, 3))
    points = points[body_hu(points) > -950]
    seen = baseline.grid.contains(points, -8.0) & followup.grid.contains(points + SHIFT, -8.0)
    miss = np.linalg.norm(there(points[seen]) - points[seen] - SHIFT, axis=1)
    assert seen.sum() > 100
    assert miss.mean() < 2.0  # half a voxel of 4 mm


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lung4dct", "acrin_silver"])
def test_a_real_pair_cut_to_half_is_found_as_well_as_the_whole(name: str):
    if not (DATA / "pairs" / f"{name}.json").exists():
        pytest.skip(f"no pairs in {DATA}")
    draw = real_pair(DATA / "pairs", name)
    for kind, pair in cropped(draw, np.random.default_rng(0)):
        if not kind.startswith("right half"):
            continue
        there = register(pair.baseline, pair.followup, "deformable")
        miss = np.linalg.norm(there(pair.inside) - pair.truth(pair.inside), axis=1)
        assert miss.mean() < {"lung4dct": 1.3 * 0.63 + 0.3, "acrin_silver": 1.3 * 1.18 + 0.3}[name], kind


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_cone_beam_ct_is_found_within_10_mm_and_flagged(number: int):
    if not (DATA / "pairs" / "pancreas001.json").exists():
        pytest.skip(f"no pairs in {DATA}")
    draw = real_pair(DATA / "pairs", "pancreas001", number)
    there = register(draw.baseline, draw.followup, "deformable")
    assert np.linalg.norm(there(draw.inside) - draw.truth(draw.inside), axis=1).max() < 10.0
    assert "agreement" in {doubt.kind for doubt in there.doubts}
