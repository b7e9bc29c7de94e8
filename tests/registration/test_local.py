"""Registration round one point: exact there, judged, and honest where it finds nothing."""

from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import process_pool
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.local import register_locally, tile_of
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.register import register_round, remembered_round
from lesion_tracker.registration.views import translation
from tests.registration.phantom import study

SHIFT = np.array([20.0, -12.0, 35.0])
POINT = np.array([42.0, -20.0, 150.0])
TILE = tile_of(POINT)
BEFORE, AFTER = study(), study(origin_shift_mm=(20.0, -12.0, 35.0), seed=5)


def start(*off_mm: float) -> FollowupFromBaseline:
    quality = {"local_ncc": 0.8}
    doubt = Doubt("agreement", 0.31, 0.62, "the studies agree poorly")
    return FollowupFromBaseline("affine", translation(SHIFT + off_mm), quality=quality, doubts=(doubt,))


def test_finds_what_the_affine_map_missed_and_keeps_its_numbers_apart():
    affine = start(5.0, -4.0, 0.0)
    found = register_locally(BEFORE, AFTER, affine, TILE)
    assert np.linalg.norm(found(POINT[None])[0] - POINT - SHIFT) < 2.0
    assert (found.method, found.fallback, found.doubts) == ("local", "", affine.doubts)
    assert found.quality["local_ncc"] == 0.8
    assert found.quality["crop_ncc"] > found.quality["local_ncc_before"]


def test_lesions_in_one_cube_share_one_answer_which_is_remembered_to_the_last_bit(tmp_path: Path):
    cache = RegistrationCache(tmp_path, 10**9)
    assert remembered_round(BEFORE, AFTER, POINT, cache) is None
    first = register_round(BEFORE, AFTER, start(3.0, 0.0, 0.0), POINT, cache)
    known = remembered_round(BEFORE, AFTER, POINT - np.array([0.0, 15.0, 0.0]), cache)
    assert known is not None
    np.testing.assert_array_equal(known(POINT[None]), first(POINT[None]))
    assert remembered_round(BEFORE, AFTER, POINT - np.array([0.0, 25.0, 0.0]), cache) is None
    second = register_round(BEFORE, AFTER, start(3.0, 0.0, 0.0), POINT + np.array([20.0, 10.0, -5.0]), cache)
    anew = register_round(BEFORE, AFTER, start(3.0, 0.0, 0.0), POINT)
    assert len(list((tmp_path / "entries").iterdir())) == 1
    np.testing.assert_array_equal(first(POINT[None]), second(POINT[None]))
    np.testing.assert_array_equal(first(POINT[None]), anew(POINT[None]))
    assert second.doubts == first.doubts == anew.doubts


@pytest.mark.parametrize(("point", "middle"), [(0.0, 20.0), (39.9, 20.0), (40.0, 60.0), (-0.1, -20.0), (-41.0, -60.0)])
def test_cubes_are_counted_from_the_scanner_s_origin(point: float, middle: float):
    assert tile_of(np.full(3, point)) == (middle, middle, middle)


def test_a_map_out_of_the_scan_falls_back_and_says_so():
    found = register_locally(BEFORE, AFTER, start(0.0, 0.0, 900.0), TILE)
    assert found.displacement is None
    assert "within 60 mm" in found.fallback
    assert [doubt.kind for doubt in found.doubts] == ["agreement", "common"]


def test_a_library_that_fails_leaves_the_affine_map_with_its_reason(monkeypatch: pytest.MonkeyPatch):
    class Broken:
        def run(self, *_: object) -> dict[str, np.ndarray]:
            raise RegistrationFailed("deform: no memory")

    monkeypatch.setattr(process_pool, "pool", Broken)
    found = register_locally(BEFORE, AFTER, start(0.0, 0.0, 0.0), TILE)
    assert found.displacement is None
    assert "no memory" in found.fallback
    assert found.doubts[-1].kind == "library"
