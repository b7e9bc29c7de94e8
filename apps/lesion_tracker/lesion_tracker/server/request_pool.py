"""A bounded pool of threads for requests: computing never holds up other answers, and no client holds up the others."""

import asyncio
import contextvars
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request

from lesion_tracker.errors import Abandoned, Overdue, Overloaded
from lesion_tracker.server.who import current_reader

Result = TypeVar("Result")
_left: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("left", default=None)
"""Set when whoever asked for what is being computed has gone."""


def require_wanted() -> None:
    """Stop here if nobody waits for the answer any more; asked before each long stage, never after something is stored.

    Raises:
        Abandoned: then.
    """
    left = _left.get()
    if left is not None and left.is_set():
        raise Abandoned("the client has gone: nobody waits for the answer, and nothing was stored")


class _Asked:
    """One request: what is to be computed, for whom, and whether that one is still there."""

    def __init__(self, job: Callable[[], Any], client: str) -> None:
        self.client, self.left = client, threading.Event()
        self.future: Future[Any] = Future()
        self._context, self._job = contextvars.copy_context(), job  # with who asks

    def compute(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self._context.run(_left.set, self.left)
            self.future.set_result(self._context.run(self._job))
        except BaseException as error:
            self.future.set_exception(error)


class RequestPool:
    """Computes a few requests at a time, lets some wait, and turns away the rest.

    Clients take turns: who sends many requests waits for his own. What a client no longer waits for is not begun, and what
    is computed for him ends before its next stage.

    Args:
        workers: requests that are computed at the same time.
        waiting: requests that may wait for a worker; of one client at most three quarters of them.
        timeout_s: seconds after which a caller waits no longer; its computation ends by itself.
    """

    def __init__(self, workers: int, waiting: int, timeout_s: float) -> None:
        self._most, self._timeout_s = workers + waiting, timeout_s
        self._most_of_one = max(workers + 1, self._most * 3 // 4)
        self._taken: dict[str, int] = {}
        self._queues: OrderedDict[str, deque[_Asked]] = OrderedDict()
        self._changed = threading.Condition()
        for number in range(workers):
            threading.Thread(target=self._work, name=f"request {number}", daemon=True).start()

    async def run(self, job: Callable[[], Result], request: Request | None = None) -> Result:
        """Compute a job in the pool.

        Args:
            job: what to compute.
            request: who waits for it; its body has been read.

        Raises:
            Overloaded: if too many wait already.
            Overdue: if it takes too long.
            Abandoned: if the client went away meanwhile.
            Exception: what the job raises.
        """
        asked = _Asked(job, _client(request))
        self._take(asked)
        answer = asyncio.wrap_future(asked.future)
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard, also when nobody waits
        gone = asyncio.ensure_future(_gone(request)) if request is not None else None
        try:
            await asyncio.wait(
                {answer, *([gone] if gone else [])}, timeout=self._timeout_s, return_when="FIRST_COMPLETED"
            )
            if answer.done():
                return answer.result()
            if gone is not None and gone.done():
                raise Abandoned("the client has gone")
            raise Overdue(f"no answer within {self._timeout_s:g} s; it is still being computed")
        except (Abandoned, asyncio.CancelledError):
            self._give_up(asked)
            raise
        finally:
            while gone is not None and not gone.done():
                gone.cancel()
                await asyncio.wait({gone}, timeout=0.1)

    def _take(self, asked: _Asked) -> None:
        with self._changed:
            taken = sum(self._taken.values())
            if taken >= self._most:
                raise Overloaded(f"{taken} requests are being computed or wait; try again in a moment")
            if self._taken.get(asked.client, 0) >= self._most_of_one:
                raise Overloaded(
                    f"{self._taken[asked.client]} of your requests are being computed or wait; let them end first"
                )
            self._taken[asked.client] = self._taken.get(asked.client, 0) + 1
            self._queues.setdefault(asked.client, deque()).append(asked)
            self._changed.notify()
        asked.future.add_done_callback(lambda _: self._leave(asked.client))

    def _leave(self, client: str) -> None:
        with self._changed:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]

    def _give_up(self, asked: _Asked) -> None:
        """Take a request out of the queue, or let what computes it know."""
        asked.left.set()
        with self._changed, suppress(KeyError, ValueError):
            self._queues[asked.client].remove(asked)
        asked.future.cancel()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (asked := self._next()):
                    self._changed.wait()
            asked.compute()

    def _next(self) -> _Asked | None:
        """Return the oldest request of the client whose turn it is."""
        while self._queues:
            client, queue = self._queues.popitem(last=False)
            if queue:
                asked = queue.popleft()
                if queue:
                    self._queues[client] = queue  # at the end: the others first
                return asked
        return None


def _client(request: Request | None) -> str:
    """Return whose turn a request takes: the log-in's, or that of its address."""
    address = request.client.host if request is not None and request.client else ""
    return current_reader.get() or address


async def _gone(request: Request) -> None:
    """Return when the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
