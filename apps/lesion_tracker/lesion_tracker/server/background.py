"""Work that nobody waits for: a bounded queue, one job at a time."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from lesion_tracker.server.errors import refusal_or_raise

logger = logging.getLogger(__name__)

MOST_JOBS = 200


class Background:
    """Runs jobs one after the other in a thread of its own; a job that is waiting already is not added again.

    Args:
        most_jobs: jobs that may wait; further ones are dropped, with a line in the log.
    """

    def __init__(self, most_jobs: int = MOST_JOBS) -> None:
        self._jobs: queue.Queue[tuple[str, Callable[[], Any]]] = queue.Queue(most_jobs)
        self._waiting: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, name: str, job: Callable[[], Any]) -> bool:
        """Queue a job; return whether it was taken.

        Args:
            name: says what the job computes; the same name is not queued twice.
            job: its errors are logged.
        """
        with self._lock:
            if name in self._waiting:
                return False
            try:
                self._jobs.put_nowait((name, job))
            except queue.Full:
                logger.warning("%d jobs wait already; not queued: %s", self._jobs.maxsize, name)
                return False
            self._waiting.add(name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="background", daemon=True)
                self._thread.start()
        return True

    def wait(self) -> None:
        """Return when everything that was queued is done."""
        self._jobs.join()

    def _run(self) -> None:
        while True:
            name, job = self._jobs.get()
            with self._lock:
                self._waiting.discard(name)
            # A thread of its own: a fault of ours shows its traceback and ends the job, not the queue.
            worker = threading.Thread(target=_run_logged, args=(name, job), name=f"background: {name}", daemon=True)
            worker.start()
            worker.join()
            self._jobs.task_done()


def _run_logged(name: str, job: Callable[[], Any]) -> None:
    try:
        job()
    except Exception as error:
        refusal = refusal_or_raise(error)
        logger.info("not done in the background: %s: %s", name, refusal.text)
    else:
        logger.info("done in the background: %s", name)
