"""How often a wrong password may be tried: from one address for one name, and from one address for all names.

Nobody can lock another address out, and the table of failures has an end that a flood of addresses does not move.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from lesion_tracker.errors import Busy

MOST_FAILURES, FAILURES_S = 10, 300.0
"""So many wrong passwords of one name from one address within this time, and the name has to wait there."""

MOST_OF_ADDRESS = 100
"""The same of one address, whatever the names."""

MOST_ADDRESSES = 2000
"""Addresses that are remembered one by one; while so many fail at once, all further ones count as one."""

OTHERS = "others"


class Throttle:
    """Counts failed log-ins; safe for several threads.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, list[tuple[float, int]]] = OrderedDict()

    def attempt(self, name: str, address: str) -> None:
        """Count a log-in as failed until it has succeeded, so that guesses that come at once are all counted.

        Raises:
            Busy: after too many.
        """
        moment = self._clock()
        with self._lock:
            self._forget_old(moment)
            key = _network(address)
            if key not in self._failures and len(self._failures) >= MOST_ADDRESSES:
                key = OTHERS
            failures = [one for one in self._failures.get(key, []) if moment - one[0] < FAILURES_S]
            of_name = sum(known == hash(name) for _, known in failures)
            if len(failures) >= MOST_OF_ADDRESS or of_name >= MOST_FAILURES:
                raise Busy(f"too many wrong passwords: wait {FAILURES_S / 60:.0f} minutes")
            self._failures[key] = [*failures, (moment, hash(name))]
            self._failures.move_to_end(key)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name that has logged in from there."""
        with self._lock:
            for key in (_network(address), OTHERS):
                if key in self._failures:
                    self._failures[key] = [one for one in self._failures[key] if one[1] != hash(name)]

    def _forget_old(self, moment: float) -> None:
        while self._failures:
            key, failures = next(iter(self._failures.items()))
            if failures and moment - failures[-1][0] < FAILURES_S:
                return
            del self._failures[key]


def _network(address: str) -> str:
    """Return what counts as one address: of IPv6 the network of 64 bits, which one household has whole."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return OTHERS
    return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else str(known)
