"""Work that nobody waits for: in order, bounded, and not stopped by an error."""

import errno
import threading

import pytest
import torch

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.server.background import Background


def test_jobs_run_one_after_the_other_and_errors_stop_nothing() -> None:
    background = Background()
    done: list[int] = []

    def fail() -> None:
        raise RegistrationFailed("no")

    def no_memory() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def no_room() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert background.add("one", lambda: done.append(1))
    assert background.add("fails", fail)
    assert background.add("no memory", no_memory)
    assert background.add("no room", no_room)
    assert background.add("two", lambda: done.append(2))
    background.wait()
    assert done == [1, 2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_ends_its_job_only() -> None:
    background = Background()
    done: list[int] = []
    background.add("fault", lambda: done.append(1 // 0))
    background.add("next", lambda: done.append(1))
    background.wait()
    assert done == [1]


def test_a_waiting_job_is_not_queued_twice_and_the_queue_is_bounded() -> None:
    background = Background(most_jobs=2)
    go = threading.Event()
    started = threading.Event()

    def first() -> None:
        started.set()
        go.wait(30)

    assert background.add("first", first)
    assert started.wait(30)
    assert background.add("a", lambda: None)
    assert not background.add("a", lambda: None)
    assert background.add("b", lambda: None)
    assert not background.add("c", lambda: None)
    go.set()
    background.wait()
