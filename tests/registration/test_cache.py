"""The cache: what comes back is what went in; torn files, several servers, a bound on bytes."""

import errno
import logging
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration.cache import RegistrationCache, from_bytes, pair_key, to_bytes, volume_digest
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.registration.process_pool import BrokenProcess, failed
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume


def answer(value: float = 1.5, size: int = 6) -> FollowupFromBaseline:
    grid = Grid.from_parts((size, size + 1, size + 2), np.full(3, 3.0), np.array([1.0, 2.0, 3.0]), np.eye(3))
    noise = np.random.default_rng(int(value * 10)).normal(0, 5, (*grid.shape, 3))
    shift = noise.astype(np.float16).astype(np.float32)
    matrix = np.eye(4)
    matrix[:3, 3] = value
    doubts = (Doubt("agreement", 0.5, 0.58, "they agree poorly"),)
    field = Displacement(grid, shift)
    return FollowupFromBaseline("deformable", matrix, field, {"local_ncc": 0.5}, {"a": 1.0}, "why", doubts)


def volume(fill: int = 0, origin: float = 0.0) -> Volume:
    grid = Grid.from_parts((4, 5, 6), np.ones(3), np.full(3, origin), np.eye(3))
    return Volume(np.full((6, 5, 4), fill, dtype=np.int16), grid)


def file_of(folder: Path, key: str = "a") -> Path:
    return folder / "entries" / f"{key}.registration.npz"


def kept(folder: Path) -> list[str]:
    """Return the keys of what a cache holds, and whatever else lies among it."""
    return sorted(path.name.removesuffix(".registration.npz") for path in (folder / "entries").iterdir())


def never() -> FollowupFromBaseline:
    raise AssertionError("this is remembered: it must not be computed")


def test_bytes_bring_everything_back():
    first, second = answer(), from_bytes(to_bytes(answer()))
    np.testing.assert_array_equal(first.matrix, second.matrix)
    np.testing.assert_array_equal(first.displacement.shift_mm, second.displacement.shift_mm)
    assert second.displacement.shift_mm.dtype == np.float32
    assert first.displacement.grid.equals(second.displacement.grid)
    assert (first.method, first.quality, first.seconds, first.fallback, first.doubts) == (
        second.method,
        second.quality,
        second.seconds,
        second.fallback,
        second.doubts,
    )


def test_an_affine_answer_has_no_field():
    assert from_bytes(to_bytes(FollowupFromBaseline("affine", np.eye(4)))).displacement is None


def test_what_was_computed_once_is_read_afterwards_and_nothing_else(tmp_path):
    folder = tmp_path / "new" / "folder"
    assert RegistrationCache(folder, 10**6).get("a", lambda: answer(2.5)).matrix[0, 3] == 2.5
    cache = RegistrationCache(folder, 10**6)  # a second server, later
    assert cache.get("a", never).matrix[0, 3] == 2.5
    assert cache.get("b", lambda: answer(3.5)).matrix[0, 3] == 3.5
    assert kept(folder) == ["a", "b"]


def test_what_a_stopped_library_left_out_is_not_remembered(tmp_path):
    cache = RegistrationCache(tmp_path, 10**6)
    passing = replace(answer(2.5), doubts=(failed(BrokenProcess("affine took longer than 300 s"), "only shifted"),))
    assert cache.get("a", lambda: passing) is passing
    assert cache.get("a", lambda: answer(3.5)).matrix[0, 3] == 3.5  # computed again, and now kept
    lasting = replace(answer(2.5), doubts=(failed(RegistrationFailed("samples map outside"), "only shifted"),))
    cache.get("b", lambda: lasting)
    assert cache.get("b", never).doubts == lasting.doubts


@pytest.mark.parametrize("damage", ["half", "empty", "noise", "flipped"])
def test_a_torn_file_is_logged_and_computed_anew(tmp_path, caplog, damage):
    cache = RegistrationCache(tmp_path, 10**6)
    cache.get("a", answer)
    path = file_of(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    path.write_bytes(
        {"half": data[: len(data) // 2], "empty": b"", "noise": b"\0" * 500, "flipped": bytes(data)}[damage]
    )
    with caplog.at_level(logging.WARNING):
        assert cache.get("a", lambda: answer(2.5)).matrix[0, 3] == 2.5
    assert "torn" in caplog.text
    assert cache.get("a", never).matrix[0, 3] == 2.5


def test_a_pickle_in_the_file_is_not_run(tmp_path):
    cache = RegistrationCache(tmp_path, 10**6)
    np.savez(file_of(tmp_path), matrix=np.array([{"x": 1}], dtype=object), facts=np.array("{}"))
    assert cache.get("a", lambda: answer(2.5)).matrix[0, 3] == 2.5


def test_what_cannot_be_computed_is_raised_and_not_remembered(tmp_path):
    def fail() -> FollowupFromBaseline:
        raise RegistrationFailed("by order of the test")

    cache = RegistrationCache(tmp_path, 10**6)
    with pytest.raises(RegistrationFailed, match="by order"):
        cache.get("a", fail)
    assert kept(tmp_path) == []
    assert cache.get("a", answer).matrix[0, 3] == 1.5


def test_many_threads_of_two_servers_never_see_half_a_file(tmp_path, caplog):
    caches = [RegistrationCache(tmp_path, 0) for _ in range(2)]  # each answer is removed at once, and made again
    values = [float(v) for v in range(8)]

    def work(turn: int) -> bool:
        found = caches[turn % 2].get("same", lambda: answer(values[turn % 8], 12))
        return float(found.matrix[0, 3]) in values

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(24)))
    assert caplog.text == ""
    assert kept(tmp_path) in ([], ["same"])  # the last one may have been held by a reader


def test_two_servers_compute_a_pair_once(tmp_path):
    caches = [RegistrationCache(tmp_path, 10**8) for _ in range(2)]
    computed: list[int] = []

    def slow() -> FollowupFromBaseline:
        computed.append(1)
        time.sleep(0.3)
        return answer()

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda cache: cache.get("a", slow), caches))
    assert [float(one.matrix[0, 3]) for one in found] == [1.5, 1.5]
    assert len(computed) == 1


def test_who_has_waited_long_enough_computes_it_too(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("lesion_tracker.registration.cache.WAIT_S", 0.1)
    cache, other = RegistrationCache(tmp_path, 10**8), RegistrationCache(tmp_path, 10**8)
    with caplog.at_level(logging.WARNING):
        found = cache.get("a", lambda: other.get("a", lambda: answer(2.5)))
    assert found.matrix[0, 3] == 2.5
    assert "could not be remembered" in caplog.text


def test_the_entries_used_longest_ago_go_first(tmp_path):
    size = len(to_bytes(answer(0.0, 12)))
    cache = RegistrationCache(tmp_path, int(3.5 * size))
    for number, key in enumerate("abc"):
        cache.get(key, lambda number=number: answer(float(number), 12))
        os.utime(tmp_path / "used" / f"{key}.registration.npz", (1000 + number, 1000 + number))
    cache.get("a", never)  # used now: b is the oldest
    cache.get("d", lambda: answer(3.0, 12))
    assert kept(tmp_path) == ["a", "c", "d"]


def test_what_an_earlier_version_kept_is_still_read(tmp_path):
    old = tmp_path / "a.registration.npz"
    old.write_bytes(to_bytes(answer(2.5)))
    assert RegistrationCache(tmp_path, 10**6).get("a", never).matrix[0, 3] == 2.5
    assert not old.exists()


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    RegistrationCache(tmp_path, 0).get("a", answer)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["notes.txt"]
    assert kept(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_logged(tmp_path, caplog):
    cache = RegistrationCache(tmp_path / "gone", 10**6)
    shutil.rmtree(tmp_path / "gone")
    (tmp_path / "gone").write_text("a file now")
    with caplog.at_level(logging.WARNING):
        assert cache.get("a", answer).matrix[0, 3] == 1.5
    assert "could not be remembered" in caplog.text


def test_a_full_disk_is_logged_and_leaves_nothing(tmp_path, monkeypatch, caplog):
    cache = RegistrationCache(tmp_path, 10**6)

    def full(*_) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with caplog.at_level(logging.WARNING):
        assert cache.get("a", answer).matrix[0, 3] == 1.5
    assert "could not be remembered" in caplog.text
    assert "No space left on device" in caplog.text
    assert kept(tmp_path) == []


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
