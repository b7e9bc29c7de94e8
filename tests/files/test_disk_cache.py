"""A cache on disk: whole or not there, bounded, and shared by several servers."""

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from lesion_tracker.errors import PacsError, StudyError
from lesion_tracker.files.disk_cache import DiskCache, retried

WAIT_S = 30.0


def _writer(content: bytes, log: list[str] | None = None):
    def make(path: Path) -> None:
        path.mkdir()
        (path / "1.dcm").write_bytes(content)
        if log is not None:
            log.append(path.name)

    return make


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    made: list[str] = []
    for _ in range(2):
        cache = DiskCache(tmp_path, 1000, WAIT_S)  # a second server, later
        assert (cache.get("1.2", lambda path: True, _writer(b"abc", made)) / "1.dcm").read_bytes() == b"abc"
    assert made == ["1.2"]


def test_an_entry_that_is_no_longer_current_is_made_again(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1000, WAIT_S)
    cache.get("1.2", lambda path: True, _writer(b"old"))
    path = cache.get("1.2", lambda path: False, _writer(b"new"))
    assert (path / "1.dcm").read_bytes() == b"new"


def test_the_least_recently_used_entries_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 250, WAIT_S)
    for name in ("a", "b"):
        cache.get(name, lambda path: True, _writer(bytes(100)))
        time.sleep(0.02)
    cache.get("a", lambda path: True, _writer(b""))  # used again
    time.sleep(0.02)
    cache.get("c", lambda path: True, _writer(bytes(100)))
    assert [name for name in "abc" if cache.path(name).exists()] == ["a", "c"]
    assert cache.used_bytes() == 200


def test_an_entry_that_is_being_read_is_not_removed(tmp_path: Path) -> None:
    cache, other = DiskCache(tmp_path, 150, WAIT_S), DiskCache(tmp_path, 150, WAIT_S)
    path = cache.get("a", lambda path: True, _writer(bytes(100)))
    reading, go = threading.Event(), threading.Event()
    seen: list[bool] = []

    def read(path: Path) -> None:
        reading.set()
        go.wait(WAIT_S)
        seen.append((path / "1.dcm").exists())

    thread = threading.Thread(target=cache.read, args=(path, read))
    thread.start()
    assert reading.wait(WAIT_S)
    other.get("b", lambda path: True, _writer(bytes(100)))
    go.set()
    thread.join()
    assert seen == [True]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1000, WAIT_S)

    def fail(path: Path) -> None:
        path.mkdir()
        (path / "1.dcm").write_bytes(b"half")
        raise PacsError("the PACS broke off")

    with pytest.raises(PacsError, match="broke off"):
        cache.get("a", lambda path: True, fail)
    assert list((tmp_path / "entries").iterdir()) == []


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1000, WAIT_S)

    def full(path: Path) -> None:
        raise OSError(28, os.strerror(28))

    with pytest.raises(StudyError, match=r"cannot be kept in the cache .*No space left on device.*full disk"):
        cache.get("a", lambda path: True, full)


def test_an_entry_that_somebody_else_is_busy_with_is_waited_for_with_a_limit(tmp_path: Path) -> None:
    cache, other = DiskCache(tmp_path, 1000, WAIT_S), DiskCache(tmp_path, 1000, 0.2)
    started, go = threading.Event(), threading.Event()

    def slow(path: Path) -> None:
        started.set()
        go.wait(WAIT_S)
        path.mkdir()

    thread = threading.Thread(target=cache.get, args=("a", lambda path: True, slow))
    thread.start()
    assert started.wait(WAIT_S)
    with pytest.raises(PacsError, match=r"another request has been busy with it for 0\.2 s"):
        other.get("a", lambda path: True, _writer(b""))
    go.set()
    thread.join()


def test_an_entry_that_another_server_removes_before_it_is_read_is_made_again(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1000, WAIT_S)
    asked = []

    def read() -> bytes:
        path = cache.get("a", lambda path: True, _writer(b"voxels"))
        asked.append(path)
        if len(asked) < 3:
            cache._evict("a")
        return cache.read(path, lambda path: (path / "1.dcm").read_bytes())

    assert retried(read) == b"voxels"
    assert len(asked) == 3


def test_an_entry_that_is_removed_each_time_names_the_setting(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1000, WAIT_S)
    with pytest.raises(StudyError, match=r"^a: it was removed from the cache 5 times .*pacs_cache_mb"):
        retried(lambda: cache.read(cache.path("a"), lambda path: path.read_bytes()))


def _killed(folder: Path) -> None:
    def make(path: Path) -> None:
        path.mkdir()
        (path / "1.dcm").write_bytes(b"half")
        os._exit(9)

    DiskCache(folder, 1000, WAIT_S).get("a", lambda path: True, make)


def _many(folder: Path, seed: int) -> None:
    cache = DiskCache(folder, 350, WAIT_S)
    for number in range(30):
        name = str((number * (seed + 1)) % 7)
        path = cache.get(name, lambda path: True, _writer(name.encode() * 100))
        try:
            read = cache.read(path, lambda path: (path / "1.dcm").read_bytes())
        except FileNotFoundError:
            continue  # the other server made room in between
        if read != name.encode() * 100:
            os._exit(1)


def test_what_a_killed_server_left_is_cleaned_up(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(tmp_path,))
    process.start()
    process.join(WAIT_S * 4)
    assert process.exitcode == 9
    assert len(list((tmp_path / "entries").iterdir())) == 1
    cache = DiskCache(tmp_path, 1000, WAIT_S)
    assert list((tmp_path / "entries").iterdir()) == []
    assert (cache.get("a", lambda path: True, _writer(b"whole")) / "1.dcm").read_bytes() == b"whole"


def test_two_servers_share_a_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_many, args=(tmp_path, seed)) for seed in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(WAIT_S * 4)
    assert [process.exitcode for process in processes] == [0, 0]
    cache = DiskCache(tmp_path, 350, WAIT_S)
    cache.get("x", lambda path: True, _writer(b""))
    assert cache.used_bytes() <= 350
