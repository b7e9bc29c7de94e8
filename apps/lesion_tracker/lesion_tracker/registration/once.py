"""What several threads ask for at the same time is computed once, and all of them get it."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Once(Generic[Answer]):
    """Computations under way, by key; what is done is forgotten."""

    def __init__(self) -> None:
        self._running: dict[str, Future[Answer]] = {}
        self._lock = Lock()

    def get(self, key: str, compute: Callable[[], Answer]) -> Answer:
        """Compute, or wait for the thread that computes the same already; an error reaches all who wait.

        Args:
            key: says everything that decides the answer.
            compute: may ask for other keys, not for its own.
        """
        with self._lock:
            running = self._running.get(key)
            mine: Future[Answer] = Future()
            if running is None:
                self._running[key] = mine
        if running is not None:
            return running.result()
        try:
            answer = compute()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(answer)
            return answer
        finally:
            with self._lock:
                del self._running[key]
