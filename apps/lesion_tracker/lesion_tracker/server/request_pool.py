"""A bounded pool of threads for requests, so that computing never holds up the server's other answers."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lesion_tracker.errors import Overdue, Overloaded

Result = TypeVar("Result")


class RequestPool:
    """Computes a few requests at a time, lets some wait, and turns away the rest.

    Args:
        workers: requests that are computed at the same time.
        waiting: requests that may wait for a worker.
        timeout_s: seconds after which a caller waits no longer; its computation ends by itself.
    """

    def __init__(self, workers: int, waiting: int, timeout_s: float) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="request")
        self._most = workers + waiting
        self._timeout_s = timeout_s
        self._taken = 0
        self._lock = threading.Lock()

    async def run(self, job: Callable[[], Result]) -> Result:
        """Compute a job in the pool.

        Raises:
            Overloaded: if too many wait already.
            Overdue: if it takes too long.
            Exception: what the job raises.
        """
        with self._lock:
            if self._taken >= self._most:
                raise Overloaded(f"{self._taken} requests are being computed or wait; try again in a moment")
            self._taken += 1
        try:
            future = self._pool.submit(job)
        except RuntimeError:
            self._leave()
            raise
        future.add_done_callback(lambda _: self._leave())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._timeout_s)
        except TimeoutError:
            raise Overdue(f"no answer within {self._timeout_s:g} s; it is still being computed") from None

    def _leave(self) -> None:
        with self._lock:
            self._taken -= 1
