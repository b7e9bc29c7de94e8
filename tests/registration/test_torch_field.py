"""The field of a device: its gradient is that of its definition, and its points are greedy's, alone and in a batch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.accuracy.cases import real_cases
from lesion_tracker.registration import torch_field
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.registration.local import METHOD, ON_DEVICE, register_cubes, tile_of
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.register import register, register_round, register_rounds, remembered_round
from lesion_tracker.registration.views import translation
from tests.registration.phantom import study
from tests.registration.test_any_field import DATA

CPU = torch.device("cpu")
SHIFT = np.array([20.0, -12.0, 35.0])
BEFORE, AFTER = study(), study(origin_shift_mm=(20.0, -12.0, 35.0), seed=5)
TILES = [(60.0, -20.0, 140.0), (-60.0, -20.0, 180.0)]


def start(*off_mm: float) -> FollowupFromBaseline:
    return FollowupFromBaseline("affine", translation(SHIFT + off_mm), quality={"local_ncc": 0.8})


def test_the_gradient_is_that_of_the_agreement() -> None:
    rng = torch.Generator().manual_seed(1)
    fixed, moved = (100 * torch.randn(2, 1, 7, 8, 9, generator=rng, dtype=torch.float64) for _ in range(2))
    mask = (torch.rand(2, 1, 7, 8, 9, generator=rng) > 0.3).double()
    moved.requires_grad_()
    torch_field.agreement_by_definition(fixed, moved, mask).backward()
    found = torch_field.slope_of_agreement(fixed, moved.detach(), mask)
    torch.testing.assert_close(found, moved.grad, rtol=1e-7, atol=1e-12)


def test_slopes_are_those_of_what_is_read() -> None:
    rng = torch.Generator().manual_seed(1)
    image = torch.randn(2, 1, 6, 7, 8, generator=rng, dtype=torch.float64)
    shift = (torch.rand(2, 3, 6, 7, 8, generator=rng, dtype=torch.float64) - 0.5).requires_grad_()
    inner = (..., slice(1, -1), slice(1, -1), slice(1, -1))
    torch_field._moved(image, shift)[inner].sum().backward()
    torch.testing.assert_close(torch_field.slopes(image, shift.detach())[inner], shift.grad[inner])


@pytest.mark.long
def test_points_are_those_of_greedy_and_the_answer_says_who_found_them(tmp_path: Path) -> None:
    affine, cache = start(5.0, -4.0, 0.0), RegistrationCache(tmp_path, 10**9)
    found = register_rounds(BEFORE, AFTER, affine, [np.array(tile) for tile in TILES], cache, CPU)
    for tile in TILES:
        one, by_greedy = found[tile], register_round(BEFORE, AFTER, affine, np.array(tile), cache)
        assert (one.method, by_greedy.method, one.fallback) == (ON_DEVICE, METHOD, "")
        points = np.array(tile) + np.random.default_rng(3).uniform(-15.0, 15.0, (40, 3))
        apart = np.linalg.norm(one(points) - by_greedy(points), axis=1)
        off, greedy_off = (np.linalg.norm(m(points) - points - SHIFT, axis=1).mean() for m in (one, by_greedy))
        assert np.median(apart) < 0.2
        assert off < greedy_off + 0.05  # mm; greedy misses by 0.3 and 0.6 on voxels of 4 mm
        for device, kept in ((CPU, one), (None, by_greedy)):
            known = remembered_round(BEFORE, AFTER, np.array(tile), cache, device)
            assert known is not None
            np.testing.assert_array_equal(known(points), kept(points))


@pytest.mark.slow
def test_lesions_of_a_real_pair_are_where_greedy_puts_them() -> None:
    if not (DATA / "pairs" / "lung4dct.json").is_file():
        pytest.skip(f"needs the pairs of {DATA}")
    loaded = next(case for case in real_cases(DATA / "pairs") if case.name == "lung4dct/0").load()
    both = loaded.pair.baseline, loaded.pair.followup
    affine = register(*both, "affine")
    places = [np.array(one["baseline_mm"]) for one in loaded.truth]
    maps = register_rounds(*both, affine, places, None, CPU)
    by_greedy = {tile: register_round(*both, affine, np.array(tile)) for tile in maps}
    found, greedy = (np.array([of[tile_of(place)](place[None])[0] for place in places]) for of in (maps, by_greedy))
    truth = np.array([one["followup_mm"] for one in loaded.truth])
    apart = np.linalg.norm(found - greedy, axis=1)
    off, greedy_off = (np.linalg.norm(one - truth, axis=1).mean() for one in (found, greedy))
    assert np.median(apart) < 0.2
    assert (apart < 0.2).mean() > 0.75  # the others lie where neither is sure: at most 0.5 mm apart
    assert off < greedy_off + 0.1


def test_a_cube_in_a_batch_is_found_as_it_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_field, "STEPS", ((4, 6), (2, 3), (1, 1)))  # the same arithmetic, fewer times
    affine = start(3.0, 0.0, 0.0)
    both = register_cubes(BEFORE, AFTER, affine, TILES, CPU)
    for tile, one in zip(TILES, both, strict=True):
        (alone,) = register_cubes(BEFORE, AFTER, affine, [tile], CPU)
        points = np.array(tile) + np.random.default_rng(3).uniform(-15.0, 15.0, (20, 3))
        np.testing.assert_allclose(one(points), alone(points), atol=0.01)


def test_a_cube_out_of_the_scan_says_so_and_the_others_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_field, "STEPS", ((4, 1), (2, 1), (1, 1)))
    far = tile_of(np.array([0.0, 0.0, 5000.0]))
    here, there = register_cubes(BEFORE, AFTER, start(0.0, 0.0, 0.0), [TILES[0], far], CPU)
    assert here.displacement is not None
    assert there.displacement is None
    assert "within 60 mm" in there.fallback
