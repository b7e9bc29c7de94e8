"""Registration from end to end on a body whose truth is known, from one thread and from several."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import affine, bspline, elastix, process_pool
from lesion_tracker.registration import register as register_module
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.registration.methods import METHODS
from lesion_tracker.registration.register import register
from lesion_tracker.registration.slide import Slide
from lesion_tracker.registration.views import view_of
from lesion_tracker.volumes.volume import Volume
from tests.registration.phantom import body_hu, rotation_z, study, turned

pytestmark = pytest.mark.usefixtures("loaded_process")

SHIFT = (30.0, -20.0, 210.0)


def moved_pair(turn_deg: float = 4.0, patient: int = 0, shift_mm=SHIFT) -> tuple[Volume, Volume]:
    return study(patient=patient), study(
        (60.0, 220.0), turn_deg=-turn_deg, origin_shift_mm=shift_mm, table_mm=112.0, patient=patient, seed=3
    )


def errors(there, volume: Volume, turn_deg: float, shift_mm=SHIFT, z_mm=(70.0, 210.0)) -> np.ndarray:
    """Return the distances (mm) from the truth at body points of the common coverage."""
    body = view_of(volume)
    where = np.random.default_rng(0).permutation(np.argwhere(body.body))[:2000, ::-1]
    points = body.image.grid.lps_from_indices(where.astype(np.float64))
    points = points[(points[:, 2] > z_mm[0]) & (points[:, 2] < z_mm[1])][:200]
    matrix = rotation_z(turn_deg)
    truth = points @ matrix[:3, :3].T + matrix[:3, 3] + np.array(shift_mm)
    return np.linalg.norm(there(points) - truth, axis=1)


def test_affine_finds_a_turned_and_shifted_part():
    baseline, followup = moved_pair()
    there = register(baseline, followup, "affine")
    assert errors(there, baseline, 4.0).mean() < 2.0  # half a voxel of 4 mm
    assert there.method == "affine"
    assert there.fallback == ""
    assert there.quality["rotation_deg"] == pytest.approx(4.0, abs=1.0)
    assert set(there.seconds) == {"slide", "affine", "quality"}


def test_the_same_pair_gives_the_same_answer():
    baseline, followup = moved_pair()
    first, second = register(baseline, followup, "affine"), register(baseline, followup, "affine")
    assert np.abs(first.matrix - second.matrix).max() < 0.05  # sums of two threads differ in their last bits


def test_the_order_of_the_axes_does_not_matter():
    baseline, followup = moved_pair()
    there = register(turned(baseline, (2, 0, 1), (0, 2)), turned(followup, (1, 2, 0), (1,)), "affine")
    assert errors(there, baseline, 4.0).mean() < 2.0


@pytest.mark.long
@pytest.mark.parametrize("method", ["deformable", "bspline"])
def test_a_deformable_method_is_no_worse_and_goes_both_ways(method, monkeypatch):
    monkeypatch.setitem(bspline.ELASTIX, "iterations", 60)
    baseline, followup = moved_pair()
    there = register(baseline, followup, method)
    assert errors(there, baseline, 4.0).mean() < 1.5
    assert there.fallback == ""
    assert there.quality["local_ncc"] > there.quality["local_ncc_before"] - 0.01
    points = np.random.default_rng(1).uniform([-90, -60, 0], [90, 60, 300], (200, 3))
    assert np.linalg.norm(there.inverse(there(points)) - points, axis=1).max() < 0.1


@pytest.mark.long
def test_beyond_the_common_coverage_the_field_fades_to_the_affine_map():
    baseline, followup = moved_pair()
    there, straight = (register(baseline, followup, method) for method in ("deformable", "affine"))
    far = np.array([[10.0, 20.0, 10.0], [-40.0, 10.0, 290.0]])  # the follow-up ends at 60 and 220 mm
    np.testing.assert_allclose(there(far), straight(far), atol=1e-6)


@pytest.mark.long
def test_deformable_finds_a_bend_that_affine_cannot():
    baseline, followup = study((60.0, 220.0)), study((60.0, 220.0), seed=1, table_mm=112.0)
    k, j, i = np.indices(baseline.grid.shape)
    bend = np.round(3.0 * np.sin((k - 20.0) / 6.0)).astype(int)  # up to 12 mm to the left and right along z
    rows = np.clip(i + bend, 0, baseline.grid.size[0] - 1)
    bent = Volume(np.ascontiguousarray(followup.hu[k, j, rows]), followup.grid)
    points = np.random.default_rng(2).uniform([-80, -60, 80], [80, 60, 200], (200, 3))
    truth = points.copy()
    truth[:, 0] -= 4.0 * np.round(3.0 * np.sin(((points[:, 2] - 60.0) / 4.0 - 20.0) / 6.0))
    of_affine, of_deformable = (
        np.linalg.norm(register(baseline, bent, method)(points) - truth, axis=1).mean()
        for method in ("affine", "deformable")
    )
    assert of_affine > 4.0
    assert of_deformable < 2.5


def test_different_parts_of_different_bodies_are_answered_with_the_doubt_in_numbers():
    chest, abdomen = study((170.0, 300.0), patient=1), study((0.0, 130.0), patient=2)
    there = register(chest, abdomen, "deformable")
    (doubt,) = (d for d in there.doubts if d.kind == "agreement")
    assert doubt.number < doubt.usual
    assert f"{doubt.number:.2f} where two states of one patient usually have {doubt.usual} or more" in doubt.sentence
    assert doubt.sentence.endswith("are they the same part of the same patient?")


def test_a_study_whose_left_is_its_right_is_a_doubt_of_its_own():
    baseline, followup = moved_pair()
    other = Volume(np.ascontiguousarray(followup.hu[:, :, ::-1]), followup.grid)
    (doubt,) = (d for d in register(baseline, other, "affine").doubts if d.kind == "mirrored")
    assert doubt.number > 0.8 > doubt.usual
    assert (
        f"local correlation {doubt.number:.2f} against {doubt.usual:.2f}; does a header say the wrong" in doubt.sentence
    )


def test_a_right_pair_agrees_less_with_its_mirror_image(monkeypatch):
    monkeypatch.setattr(affine, "MIRROR_BELOW", 1.0)
    there = register(*moved_pair(), "affine")
    assert there.quality["mirrored_ncc"] < there.quality["local_ncc"] - 0.2
    assert there.doubts == ()


def test_bodies_with_less_than_20_mm_in_common_are_refused():
    with pytest.raises(RegistrationFailed, match="no shift gives them 20 mm in common"):
        register(study(), study((100.0, 108.0)), "affine")


def test_air_is_refused_with_the_study_named():
    baseline, _ = moved_pair()
    air = Volume(np.full(baseline.hu.shape, -1000, dtype=np.int16), baseline.grid)
    with pytest.raises(RegistrationFailed, match="no body found in the follow-up"):
        register(baseline, air, "affine")


def test_a_study_of_one_value_is_refused_with_it():
    baseline, _ = moved_pair()
    with pytest.raises(RegistrationFailed, match=r"the follow-up shows nothing but one value \(40 HU\) in the body"):
        register(baseline, Volume(np.full(baseline.hu.shape, 40, dtype=np.int16), baseline.grid), "affine")


def test_an_implausible_affine_falls_back_to_the_shift_and_says_so(monkeypatch):
    baseline, followup = study(), study((60.0, 220.0), origin_shift_mm=SHIFT, seed=3)
    wild = np.diag([1.6, 1.0, 0.7, 1.0])
    monkeypatch.setattr(affine, "_elastix", lambda *_: (wild, None))
    there = register(baseline, followup, "affine")
    assert there.fallback.startswith("translation only: it stretches by 0.70 to 1.60")
    assert [(d.kind, round(d.number, 2), d.usual) for d in there.doubts] == [("shape", 0.7, 0.8)]
    assert "only shifted" in there.doubts[0].sentence
    assert errors(there, baseline, 0.0).max() < 5.0
    assert there.quality["scale_max"] == pytest.approx(1.0)


def test_a_shift_that_does_not_fit_is_answered_with_both_doubts(monkeypatch):
    monkeypatch.setattr(affine, "_elastix", lambda *_: (np.diag([1.6, 1.0, 0.7, 1.0]), None))
    monkeypatch.setattr(affine, "_slides", lambda *_: [Slide(np.array([0.0, 0.0, 100.0]), 0.3, 0.6)])
    there = register(study(), study(seed=3), "affine")
    assert {d.kind for d in there.doubts} == {"shape", "agreement"}
    np.testing.assert_array_equal(there.matrix[:3, 3], [0.0, 0.0, 100.0])


def test_of_two_doubtful_maps_the_one_that_makes_the_studies_more_alike_is_taken(monkeypatch):
    wild = np.eye(4)
    wild[:3, 3] = [30.0, 0.0, 20.0]  # a body may move like that, but this one did not
    monkeypatch.setattr(affine, "_elastix", lambda *_: (wild, None))
    there = register(study(), study((60.0, 220.0), seed=3), "affine")
    assert np.abs(there.matrix[:3, 3]).max() < 5.0
    assert there.fallback.startswith("translation only: the shift alone makes the studies more alike")
    assert there.doubts == ()


def test_a_place_that_fits_nearly_as_well_is_a_doubt(monkeypatch):
    best = Slide(np.zeros(3), 0.8, 0.9)
    for score, kinds in ((0.7, []), (0.75, ["place"])):
        monkeypatch.setattr(affine, "_slides", lambda *_, s=score: [best, Slide(np.array([0.0, 0.0, -40.0]), s, 0.9)])
        there = affine.register_affine(study(), study(seed=3))
        assert [d.kind for d in there.doubts] == kinds
    assert "40 mm further down the body: 0.75 against 0.80" in there.doubts[0].sentence


@pytest.mark.parametrize("method", ["affine", "deformable", "bspline"])
def test_where_a_library_fails_a_simpler_map_answers_and_says_so(method, monkeypatch):
    pool = process_pool.pool()
    real = pool.run

    def broken(task, job, timeout_s):
        if task.__name__ == {"affine": "affine", "deformable": "deform", "bspline": "bspline"}[method]:
            raise RegistrationFailed("by order of the test")
        return real(task, job, timeout_s)

    monkeypatch.setattr(pool, "run", broken)
    baseline, followup = moved_pair(0.0)
    there = register(baseline, followup, method)
    assert there.method == method
    assert there.displacement is None
    assert [d.kind for d in there.doubts] == ["library"]
    assert "by order of the test" in there.doubts[0].sentence
    assert there.fallback.startswith("translation only" if method == "affine" else "affine only")
    assert errors(there, baseline, 0.0).mean() < 5.0


def test_a_similarity_turns_about_all_three_axes_and_stretches_evenly():
    turn = Rotation.from_euler("ZXY", [5.0, 6.0, -4.0], degrees=True).as_matrix()
    linear = 0.95 * turn
    grid = np.stack(np.meshgrid(*[np.arange(-100.0, 101.0, 4.0)] * 3, indexing="ij"), axis=-1)[..., ::-1]
    points = grid.reshape(-1, 3)

    def image(at: np.ndarray) -> np.ndarray:
        return body_hu(at * [1.3, 0.9, 1.2] + [0.0, 0.0, 180.0]).reshape(grid.shape[:3]).astype(np.float32)

    job = {
        "fixed": image(points @ linear.T + [3.0, -2.0, 5.0]),
        "moving": image(points),
        "mask": np.ones(grid.shape[:3], dtype=np.uint8),
        "fixed_origin": np.full(3, -100.0),
        "moving_origin": np.full(3, -100.0),
        "spacing": 4.0,
        "pyramid": (2, 1),
        "iterations": 256,
        "samples": 2048,
    }
    matrix = process_pool.pool().run(elastix.similarity, job, 120.0)["matrix"]
    squared = matrix[:3, :3] @ matrix[:3, :3].T
    np.testing.assert_allclose(squared, squared[0, 0] * np.eye(3), atol=1e-9)
    inner = points[np.abs(points).max(axis=1) < 60]
    miss = inner @ matrix[:3, :3].T + matrix[:3, 3] - (inner @ linear.T + [3.0, -2.0, 5.0])
    assert np.linalg.norm(miss, axis=1).mean() < 1.0  # a quarter of a voxel; 5 degrees are 5 mm at 60 mm


def test_an_unknown_method_is_refused():
    with pytest.raises(Exception, match="rigid"):
        register(study(), study(), "rigid")


@pytest.mark.long
def test_the_cache_answers_the_second_time_and_a_torn_file_is_mended(tmp_path, caplog):
    baseline, followup = moved_pair(patient=3)
    cache = RegistrationCache(tmp_path, 10**8)
    first = register(baseline, followup, "deformable", cache)
    assert len(list((tmp_path / "entries").iterdir())) == 2  # the affine map it started from is kept as well
    started = time.perf_counter()
    again = register(Volume(baseline.hu, baseline.grid), followup, "deformable", cache)
    assert time.perf_counter() - started < 0.5 * sum(first.seconds.values())
    np.testing.assert_array_equal(first.matrix, again.matrix)
    np.testing.assert_array_equal(first.displacement.shift_mm, again.displacement.shift_mm)
    for path in (tmp_path / "entries").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        mended = register(baseline, followup, "deformable", cache)
    assert caplog.text.count("torn") == 2
    assert errors(mended, baseline, 4.0).mean() < 1.5


@pytest.mark.long
def test_four_threads_and_three_pairs_get_their_own_answers_and_share_the_same_work(monkeypatch):
    turns = (-4.0, 0.0, 5.0)
    pairs = [moved_pair(turn, patient=4 + n) for n, turn in enumerate(turns)]
    computed: list[int] = []
    real = affine.register_affine

    def counted(baseline, followup):
        computed.append(id(baseline))
        return real(baseline, followup)

    monkeypatch.setitem(METHODS, "affine", replace(METHODS["affine"], find=counted))
    work = [0, 0, 1, 2, 1, 0, 2, 1, 0, 2, 2, 1]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: register(*pairs[n], "affine"), work))
    for n, there in zip(work, answers, strict=True):
        assert errors(there, pairs[n][0], turns[n]).mean() < 2.0
    assert len(computed) < len(work)  # at least the first two requests met


def test_those_who_wait_get_the_error_too(monkeypatch):
    def slow(*_):
        time.sleep(0.3)
        raise RegistrationFailed("by order of the test")

    monkeypatch.setitem(METHODS, "affine", replace(METHODS["affine"], find=slow))
    baseline, followup = moved_pair()

    def ask(_):
        with pytest.raises(RegistrationFailed, match="by order"):
            register(baseline, followup, "affine")
        return True

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(ask, range(3)))
    assert register_module._under_way._running == {}


@pytest.mark.long
def test_python_threads_go_on_while_the_process_works():
    baseline, followup = moved_pair(patient=7)
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(register, baseline, followup, "deformable")
        naps = []
        while not work.done():
            started = time.perf_counter()
            time.sleep(0.01)
            naps.append(time.perf_counter() - started)
        work.result()
    assert len(naps) > 20
    assert float(np.median(naps)) < 0.1  # a library that held the interpreter lock would stop this thread for seconds


def test_the_pool_is_the_same_for_all():
    assert process_pool.pool() is process_pool.pool()
