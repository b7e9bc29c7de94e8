"""The most memory that a process and those it started held at once, looked at many times a second."""

import threading
from types import TracebackType

import psutil

EVERY_S = 0.05


class PeakMemory:
    """While the block runs, `bytes_` follows the largest sum of resident memory of this process and its children.

    A program that lives for less than 50 ms may be missed; pages that processes share count in each.
    """

    def __init__(self) -> None:
        self.bytes_ = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        """Start to look."""
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look a last time."""
        self._done.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        total = 0
        own = psutil.Process()
        for process in (own, *own.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:  # it ended since it was listed
                continue
        self.bytes_ = max(self.bytes_, total)
