"""How long a server takes to answer /info/, asked at fixed moments whatever the answers before took."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import requests

EVERY_S = 0.2
PATIENCE_S = 120.0
MEDIAN_REACH_S, WORST_REACH_S = 0.3, 1.0


@dataclass(frozen=True)
class Waits:
    """What was waited for /info/.

    Args:
        seconds: from the moment at which each request was due to its answer.
    """

    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """Median, seconds."""
        return statistics.median(self.seconds)

    @property
    def worst_s(self) -> float:
        """The longest, seconds."""
        return max(self.seconds)

    def share_s(self, percent: float) -> float:
        """Return the wait that so many percent of the requests do not exceed, seconds."""
        return float(np.percentile(self.seconds, percent))

    @property
    def met(self) -> bool:
        """Whether the median is within 300 ms and the worst within 1 s."""
        return self.median_s <= MEDIAN_REACH_S and self.worst_s <= WORST_REACH_S


def ask_info(url: str, done: Callable[[], bool]) -> Waits:
    """Ask /info/ every 200 ms until `done()`.

    A request that is due while the one before is not answered is sent late, and its wait counts from when it was due: a
    server that stands still for a second is seen by five requests, not by one.

    Args:
        url: address of the server.
        done: says when to stop.

    Raises:
        requests.RequestException: if a request is refused or not answered within two minutes.
    """
    waits: list[float] = []
    due = time.perf_counter()
    while not done() or not waits:
        time.sleep(max(0.0, due - time.perf_counter()))
        requests.get(f"{url}/info/", timeout=PATIENCE_S).raise_for_status()
        waits.append(time.perf_counter() - due)
        due += EVERY_S
    return Waits(tuple(waits))
