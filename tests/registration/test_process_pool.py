"""The pool's processes: killed when they take too long, replaced when they die, alive after a refusal."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import greedy, process_pool
from lesion_tracker.registration.process_pool import BrokenProcess, ProcessPool

BLOCK = {
    "fixed": np.random.default_rng(0).normal(0, 100, (12, 24, 24)).astype(np.float32),
    "moving": np.random.default_rng(1).normal(0, 100, (12, 24, 24)).astype(np.float32),
    "mask": np.ones((12, 24, 24), dtype=np.uint8),
    "spacing": 3.0,
    "metric": "WNCC 2x2x2",
    "iterations": "2x2",
    "smoothing": "2vox 0.7vox",
    "seed": 1,
}


@pytest.fixture(scope="module")
def small_pool():
    pool = ProcessPool(workers=1, threads=1)
    yield pool
    pool.close()


def process_of(pool: ProcessPool) -> int:
    held = pool._places.get()
    pool._places.put(held)
    return held._process.pid


def test_runs_a_job_and_keeps_its_process(small_pool):
    shift = small_pool.run(greedy.deform, BLOCK, 300.0)["shift"]
    assert shift.shape == (12, 24, 24, 3)
    first = process_of(small_pool)
    small_pool.run(greedy.deform, BLOCK, 300.0)
    assert process_of(small_pool) == first


def test_a_refusal_leaves_the_process_alive(small_pool):
    small_pool.run(greedy.deform, BLOCK, 300.0)
    first = process_of(small_pool)
    with pytest.raises(RegistrationFailed, match="deform: KeyError"):
        small_pool.run(greedy.deform, {key: value for key, value in BLOCK.items() if key != "metric"}, 300.0)
    assert process_of(small_pool) == first


def test_a_job_that_takes_too_long_is_killed_and_the_next_one_runs(small_pool):
    small_pool.run(greedy.deform, BLOCK, 300.0)
    first = process_of(small_pool)
    with pytest.raises(BrokenProcess, match=r"longer than 0 s and was stopped"):
        small_pool.run(greedy.deform, {**BLOCK, "iterations": "100000x100000"}, 0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    small_pool.run(greedy.deform, BLOCK, 300.0)
    assert process_of(small_pool) != first


def test_a_process_that_dies_is_reported_and_replaced(small_pool):
    small_pool.run(greedy.deform, BLOCK, 300.0)
    first = process_of(small_pool)
    threading.Timer(0.5, lambda: os.kill(first, signal.SIGSEGV)).start()
    with pytest.raises(BrokenProcess, match=r"died \(exit code -11\)"):
        small_pool.run(greedy.deform, {**BLOCK, "iterations": "100000x100000"}, 300.0)
    assert small_pool.run(greedy.deform, BLOCK, 300.0)["shift"].shape == (12, 24, 24, 3)


def test_a_closed_pool_ends_its_process():
    pool = ProcessPool(workers=1, threads=1)
    pool.run(greedy.deform, BLOCK, 300.0)
    pid = process_of(pool)
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_threads_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("LESION_TRACKER_REGISTRATION_THREADS", "3")
    assert process_pool.default_threads() == 3
    monkeypatch.delenv("LESION_TRACKER_REGISTRATION_THREADS")
    assert 1 <= process_pool.default_threads() <= 8


def test_configure_refuses_less_than_one():
    with pytest.raises(ValueError, match="at least one"):
        process_pool.configure(0, 2)


def test_configure_replaces_the_pool(monkeypatch):
    monkeypatch.setattr(process_pool, "_pool", None)
    process_pool.configure(2, 1)
    assert (process_pool.pool().workers, process_pool.pool().threads) == (2, 1)
    process_pool.pool().close()


def test_a_process_whose_parent_goes_away_ends():
    lone = process_pool.PoolProcess(1)
    lone._connection.close()
    deadline = time.monotonic() + 120
    while lone._process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert lone._process.returncode == 0
    lone.close()


def test_a_library_s_failure_is_told_without_its_files_and_addresses():
    text = "/src/a b/itkElastix.hxx:389:\nITK ERROR: Registration(0x55d5c): Internal elastix error: see\n log"
    assert process_pool.in_short(text) == "Internal elastix error: see log"
    assert process_pool.in_short("") == "it did not say why"
    assert process_pool.in_short("no overlap") == "no overlap"
