"""The cache: what comes back is what went in; torn files, many writers, a bound on bytes."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.registration.cache import RegistrationCache, from_bytes, pair_key, to_bytes, volume_digest
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume


def answer(value: float = 1.5, size: int = 6) -> FollowupFromBaseline:
    grid = Grid.from_parts((size, size + 1, size + 2), np.full(3, 3.0), np.array([1.0, 2.0, 3.0]), np.eye(3))
    noise = np.random.default_rng(int(value * 10)).normal(0, 5, (*grid.shape, 3))
    shift = noise.astype(np.float16).astype(np.float32)
    matrix = np.eye(4)
    matrix[:3, 3] = value
    return FollowupFromBaseline("deformable", matrix, Displacement(grid, shift), {"local_ncc": 0.5}, {"a": 1.0}, "why")


def volume(fill: int = 0, origin: float = 0.0) -> Volume:
    grid = Grid.from_parts((4, 5, 6), np.ones(3), np.full(3, origin), np.eye(3))
    return Volume(np.full((6, 5, 4), fill, dtype=np.int16), grid)


def file_of(cache: RegistrationCache) -> Path:
    (path,) = cache.folder.glob("*.npz")
    return path


def test_bytes_bring_everything_back():
    first, second = answer(), from_bytes(to_bytes(answer()))
    np.testing.assert_array_equal(first.matrix, second.matrix)
    np.testing.assert_array_equal(first.displacement.shift_mm, second.displacement.shift_mm)
    assert second.displacement.shift_mm.dtype == np.float32
    assert first.displacement.grid.equals(second.displacement.grid)
    assert (first.method, first.quality, first.seconds, first.fallback) == (
        second.method,
        second.quality,
        second.seconds,
        second.fallback,
    )


def test_an_affine_answer_has_no_field():
    assert from_bytes(to_bytes(FollowupFromBaseline("affine", np.eye(4)))).displacement is None


def test_reads_what_was_written_and_nothing_else(tmp_path):
    cache = RegistrationCache(tmp_path / "new" / "folder", 10**6)
    assert cache.read("a") is None
    cache.write("a", answer(2.5))
    assert cache.read("a").matrix[0, 3] == 2.5
    assert cache.read("b") is None


@pytest.mark.parametrize("damage", ["half", "empty", "noise", "flipped"])
def test_a_torn_file_is_logged_deleted_and_computed_anew(tmp_path, caplog, damage):
    cache = RegistrationCache(tmp_path, 10**6)
    cache.write("a", answer())
    path = file_of(cache)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    path.write_bytes(
        {"half": data[: len(data) // 2], "empty": b"", "noise": b"\0" * 500, "flipped": bytes(data)}[damage]
    )
    with caplog.at_level(logging.WARNING):
        assert cache.read("a") is None
    assert "torn" in caplog.text
    assert not path.exists()


def test_a_pickle_in_the_file_is_not_run(tmp_path):
    cache = RegistrationCache(tmp_path, 10**6)
    np.savez(tmp_path / "a.registration.npz", matrix=np.array([{"x": 1}], dtype=object), facts=np.array("{}"))
    assert cache.read("a") is None


def test_many_writers_and_readers_never_see_half_a_file(tmp_path, caplog):
    caches = [RegistrationCache(tmp_path, 10**8) for _ in range(2)]
    values = [float(v) for v in range(8)]

    def work(turn: int) -> bool:
        cache = caches[turn % 2]
        cache.write("same", answer(values[turn % 8], 12))
        found = cache.read("same")
        return found is not None and float(found.matrix[0, 3]) in values

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))
    assert caplog.text == ""
    assert [p.name for p in tmp_path.iterdir()] == ["same.registration.npz"]


def test_the_entries_used_longest_ago_go_first(tmp_path):
    size = len(to_bytes(answer(0.0, 12)))
    cache = RegistrationCache(tmp_path, int(3.5 * size))
    for number, key in enumerate("abc"):
        cache.write(key, answer(float(number), 12))
        os.utime(tmp_path / f"{key}.registration.npz", (1000 + number, 1000 + number))
    assert cache.read("a") is not None  # used now: b is the oldest
    cache.write("d", answer(3.0, 12))
    assert sorted(p.name[0] for p in tmp_path.iterdir()) == ["a", "c", "d"]


def test_what_a_dead_writer_left_goes_with_time(tmp_path):
    old, young = tmp_path / "x.part", tmp_path / "y.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    RegistrationCache(tmp_path, 10**6).write("a", answer())
    assert not old.exists()
    assert young.exists()


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    RegistrationCache(tmp_path, 0).write("a", answer())
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_written_is_logged(tmp_path, caplog):
    cache = RegistrationCache(tmp_path / "gone", 10**6)
    (tmp_path / "gone").rmdir()
    (tmp_path / "gone").write_text("a file now")
    with caplog.at_level(logging.WARNING):
        cache.write("a", answer())
        assert cache.read("a") is None
    assert "could not be remembered" in caplog.text


def test_the_key_tells_voxels_grid_order_method_and_parameters_apart():
    a, b, moved = volume(0), volume(1), volume(0, origin=1.0)
    keys = [
        pair_key(a, b, "affine", {"v": 1}),
        pair_key(b, a, "affine", {"v": 1}),
        pair_key(moved, b, "affine", {"v": 1}),
        pair_key(a, b, "deformable", {"v": 1}),
        pair_key(a, b, "affine", {"v": 2}),
    ]
    assert len(set(keys)) == 5
    assert pair_key(volume(0), volume(1), "affine", {"v": 1}) == keys[0]


def test_the_digest_of_a_volume_does_not_depend_on_how_its_zero_is_signed():
    assert volume_digest(volume(0, 0.0)) == volume_digest(volume(0, -0.0))
