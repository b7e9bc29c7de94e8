"""Tokens that were ended by a log-out before they expired: a file beside the accounts, so that no restart revives them."""

import threading
import time
from pathlib import Path

from lesion_tracker.files.whole import write_text


class Ended:
    """The signatures of ended tokens, each until it would have expired.

    Args:
        path: of the file; it appears with the first log-out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._until: dict[str, int] = {}
        for line in path.read_text(encoding="ascii").splitlines() if path.exists() else ():
            expiry, _, signature = line.partition(" ")
            if expiry.isdecimal() and signature:
                self._until[signature] = int(expiry)

    def __contains__(self, signature: str) -> bool:
        """Say whether a token was ended."""
        return signature in self._until

    def add(self, signature: str, expiry_s: int) -> None:
        """End a token, for good once this returns.

        Raises:
            OSError: if that cannot be written; the token has ended until the server does.
        """
        with self._lock:
            now = time.time()
            self._until = {one: until for one, until in self._until.items() if until >= now} | {signature: expiry_s}
            lines = "".join(f"{until} {one}\n" for one, until in self._until.items())
            write_text(lines, self._path, durable=True, mode=0o600)
