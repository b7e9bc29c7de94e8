"""The processes that run elastix and greedy: a few, started when first needed; this is their parent's side.

Both libraries hold Python's interpreter lock while they work, neither promises to be safe in threads, and a fault in
them ends the process: so they run in processes of their own, which are killed when they take too long.
"""

import atexit
import logging
import os
import pickle
import queue
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.places import python_path
from lesion_tracker.registration.doubts import PASSING, Doubt

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 600.0

Job = dict[str, Any]
Task = Callable[[Job], dict[str, Any]]
"""A function of a module that runs in a process of the pool: plain values and arrays in and out, `threads` among them.

Where its module has a function `load`, that runs before the module's first task, outside of the task's own time limit.
"""


def default_threads() -> int:
    """Return how many threads one process uses: LESION_TRACKER_REGISTRATION_THREADS, or the processors up to 8."""
    return int(os.environ.get("LESION_TRACKER_REGISTRATION_THREADS", "0")) or min(len(os.sched_getaffinity(0)), 8)


class PoolProcess:
    """One process that runs one job at a time.

    Args:
        threads: how many threads the libraries may use.
    """

    def __init__(self, threads: int) -> None:
        ours, theirs = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        limits = {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-X",
                    "faulthandler",
                    "-m",
                    "lesion_tracker.registration.pool_process",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env={**os.environ, "PYTHONPATH": python_path(), **limits},
            )
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())
        self._threads = threads
        self._loaded: set[str] = set()

    def run(self, task: Task, job: Job, timeout_s: float) -> tuple[bool, Any]:
        """Run a job.

        Returns:
            True and the answer; or False and why the library refused it.

        Raises:
            BrokenProcess: if the process died or took longer than `timeout_s`; it is of no more use.
        """
        load = getattr(sys.modules[task.__module__], "load", None)
        if load is not None and task.__module__ not in self._loaded:
            self._ask(load, {"threads": self._threads}, START_TIMEOUT_S)
            self._loaded.add(task.__module__)
        return self._ask(task, {**job, "threads": self._threads}, timeout_s)

    def _ask(self, task: Task, job: Job, timeout_s: float) -> tuple[bool, Any]:
        try:
            self._connection.send((task, job))
            if not self._connection.poll(timeout_s):
                raise BrokenProcess(f"{task.__name__} took longer than {timeout_s:.0f} s and was stopped")
            return self._connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            code = self._exit_code()
            logger.warning(
                "the last words of the process of %s (exit code %s): %s", task.__name__, code, self._last_words()
            )
            raise BrokenProcess(f"the process of {task.__name__} died (exit code {code})") from None

    def _exit_code(self) -> int | None:
        try:
            return self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            return None

    def _last_words(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read()[-500:].decode(errors="replace").strip() or "it said nothing"

    def close(self) -> None:
        """Stop the process, whatever it does."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
        self._stderr.close()


def in_short(text: str) -> str:
    """Return what a library says of its failure for a reader: without the files of its sources and its objects' addresses."""
    said = text.rpartition("ITK ERROR:")[2]
    return " ".join(re.sub(r"\w+\((0x)?[0-9a-f]+\):|\S*/\S+:\d*:?", "", said).split())[:200] or "it did not say why"


class BrokenProcess(RegistrationFailed):
    """A process of the pool died or was stopped."""


def failed(error: RegistrationFailed, sentence: str) -> Doubt:
    """Return the doubt of an answer without what a library should have found; of a moment of the machine, if it was stopped."""
    return Doubt(PASSING if isinstance(error, BrokenProcess) else "library", 1.0, 0.0, sentence)


class ProcessPool:
    """Processes that wait for jobs; at most `workers` jobs run at a time, the others wait their turn.

    Args:
        workers: how many processes.
        threads: of each.
    """

    def __init__(self, workers: int, threads: int) -> None:
        self.workers, self.threads = workers, threads
        self._owner = os.getpid()
        self._places: queue.LifoQueue[PoolProcess | None] = queue.LifoQueue()
        for _ in range(workers):
            self._places.put(None)

    def run(self, task: Task, job: Job, timeout_s: float) -> dict[str, Any]:
        """Run a job in the next free process.

        Raises:
            RegistrationFailed: if the library refuses, its process dies, or it takes longer than `timeout_s`.
        """
        process = self._places.get()
        started = time.perf_counter()
        healthy = False
        try:
            process = process or PoolProcess(self.threads)
            good, answer = process.run(task, job, timeout_s)
            healthy = True
        except BrokenProcess as error:
            logger.warning("registration process: %s", error)
            raise
        finally:
            if not healthy and process is not None:  # also when interrupted: a late answer must not meet another job
                process.close()
            self._places.put(process if healthy else None)
        logger.info("%s took %d ms", task.__name__, 1000 * (time.perf_counter() - started))
        if not good:
            logger.warning("%s: %s", task.__name__, answer)
            raise RegistrationFailed(f"{task.__name__}: {in_short(str(answer))}")
        return dict(answer)

    def mine(self) -> bool:
        """Say whether this process made the pool (a fork must not talk to its parent's processes)."""
        return self._owner == os.getpid()

    def close(self) -> None:
        """Stop the processes that wait for jobs."""
        for _ in range(self.workers):
            try:
                process = self._places.get_nowait()
            except queue.Empty:
                return
            if process is not None:
                process.close()


_lock = threading.Lock()
_pool: ProcessPool | None = None


def pool() -> ProcessPool:
    """Return the pool of this process."""
    global _pool
    with _lock:
        if _pool is None or not _pool.mine():
            _pool = ProcessPool(int(os.environ.get("LESION_TRACKER_REGISTRATION_WORKERS", "1")), default_threads())
            atexit.register(_pool.close)
        return _pool


def configure(workers: int, threads: int) -> None:
    """Set how many processes there are and how many threads each uses; running jobs are not disturbed.

    Raises:
        ValueError: for less than one.
    """
    global _pool
    if workers < 1 or threads < 1:
        raise ValueError(f"registration needs at least one process and one thread, got {workers} and {threads}")
    with _lock:
        old, _pool = _pool, ProcessPool(workers, threads)
        atexit.register(_pool.close)
    if old is not None and old.mine():
        old.close()
