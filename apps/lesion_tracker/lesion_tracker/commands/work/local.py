"""Jobs on this machine: some processes, each of which is replaced when it dies."""

import logging
import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lesion_tracker.commands.work.workers import Outcome, one_line

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""A job whose process dies is tried once more: it may have been another program that ran out of memory."""


class LocalWorkers:
    """Processes of this machine.

    Each is a pool of one, so that a process that dies takes only its own job with it.

    Args:
        function: of a module that the processes can import; takes a job's payload.
        count: how many processes.
        environment: variables set in each before it imports anything heavy.
        tasks_per_process: after so many jobs a process is replaced; None keeps it.

    Raises:
        ValueError: for less than one process.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        count: int,
        environment: Mapping[str, str] | None = None,
        tasks_per_process: int | None = None,
    ) -> None:
        if count < 1:
            raise ValueError(f"there must be at least one process, got {count}")
        self._function, self._environment, self._tasks = function, dict(environment or {}), tasks_per_process
        self._idle: list[ProcessPoolExecutor | None] = [None] * count
        self._waiting: deque[tuple[str, Any]] = deque()
        self._running: dict[Future[Any], tuple[str, Any, ProcessPoolExecutor]] = {}
        self._attempts: Counter[str] = Counter()

    def submit(self, key: str, payload: Any) -> None:
        """Hand in a job."""
        self._waiting.append((key, payload))
        self._start()

    def wait(self) -> list[Outcome]:
        """Return the outcomes of at least one job; nothing if none is left."""
        found: list[Outcome] = []
        while self._running and not found:
            done, _ = wait(self._running, return_when=FIRST_COMPLETED)
            found = [outcome for future in done if (outcome := self._finished(future)) is not None]
            self._start()
        return found

    def close(self) -> None:
        """Stop all processes at once."""
        self._waiting.clear()
        for pool in [*self._idle, *(pool for _, _, pool in self._running.values())]:
            if pool is not None:
                _stop(pool)
        self._running.clear()

    def _start(self) -> None:
        while self._waiting and self._idle:
            key, payload = self._waiting.popleft()
            pool = self._idle.pop() or self._pool()
            self._attempts[key] += 1
            self._running[pool.submit(self._function, payload)] = (key, payload, pool)

    def _finished(self, future: Future[Any]) -> Outcome | None:
        """Return what came of a job, or None if it is tried again."""
        key, payload, pool = self._running.pop(future)
        error = future.exception()
        if not isinstance(error, BrokenProcessPool):
            self._idle.append(pool)
            return Outcome(key, None, one_line(error)) if error else Outcome(key, future.result())
        pool.shutdown(wait=False)
        self._idle.append(None)
        if self._attempts[key] < ATTEMPTS:
            logger.warning("the process of %s died; trying it again", key)
            self._waiting.appendleft((key, payload))
            return None
        return Outcome(key, None, f"its process died {ATTEMPTS} times: out of memory?")

    def _pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), _begin, (self._environment,), max_tasks_per_child=self._tasks
        )


def _begin(environment: dict[str, str]) -> None:
    os.environ.update(environment)


def _stop(pool: ProcessPoolExecutor) -> None:
    processes = list((pool._processes or {}).values())
    for process in processes:
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)
