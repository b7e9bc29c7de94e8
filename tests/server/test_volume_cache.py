"""Studies in memory: read once, bounded, and never stale."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.server.volume_cache import VolumeCache
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

GRID = Grid.from_parts((10, 10, 10), np.ones(3), np.zeros(3), np.eye(3))
BYTES = 2000


class Reader:
    """Counts what is read."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.lock = threading.Lock()

    def __call__(self, path: Path) -> Volume:
        with self.lock:
            self.paths.append(path)
        time.sleep(0.02)
        return Volume(np.full((10, 10, 10), len(self.paths), np.int16), GRID)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text("x")
    return paths


def test_a_file_is_read_once(files: list[Path]) -> None:
    reader = Reader()
    cache = VolumeCache(10 * BYTES, reader)
    with ThreadPoolExecutor(8) as pool:
        volumes = list(pool.map(cache.get, [files[0]] * 8))
    assert reader.paths == [files[0]]
    assert all(volume is volumes[0] for volume in volumes)
    assert cache.used_bytes == BYTES


def test_a_changed_file_is_read_again(files: list[Path]) -> None:
    reader = Reader()
    cache = VolumeCache(10 * BYTES, reader)
    cache.get(files[0])
    before, stamp = cache.stamped(files[0])
    os.utime(files[0], ns=(1, 1))
    now, changed = cache.stamped(files[0])
    assert len(reader.paths) == 2
    assert stamp != changed
    assert cache.kept(files[0], stamp) is before  # while there is room
    assert cache.kept(files[0], changed) is now
    assert cache.kept(files[1], stamp) is None
    for path in (files[1], files[2]):
        cache.get(path)
    assert cache.used_bytes == 4 * BYTES


def test_the_least_recently_used_goes_first(files: list[Path]) -> None:
    reader = Reader()
    cache = VolumeCache(2 * BYTES, reader)
    a, b, c = files
    for path in (a, b, a, c, a, b):
        cache.get(path)
    assert reader.paths == [a, b, c, b]
    assert cache.used_bytes == 2 * BYTES


def test_what_is_too_large_is_read_each_time(files: list[Path]) -> None:
    reader = Reader()
    cache = VolumeCache(BYTES - 1, reader)
    cache.get(files[0])
    cache.get(files[0])
    assert len(reader.paths) == 2
    assert cache.used_bytes == 0


def test_a_file_that_cannot_be_read_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        VolumeCache(BYTES, Reader()).get(tmp_path / "gone")
