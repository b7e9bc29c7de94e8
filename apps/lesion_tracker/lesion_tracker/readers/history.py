"""An append-only history in JSON lines: what was written stays, and several writers lose nothing."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from lesion_tracker.errors import FileFormatError

logger = logging.getLogger(__name__)

SCHEMA = 3
"""What is written: schema 1 knew only records, schema 2 also actions (rename, delete, restore, undo), schema 3 also on
which volume a record was made."""

READABLE = (1, 2, 3)


class History:
    """One file of JSON lines that only grows; safe for several threads and processes.

    Every line carries its schema version. A line counts once its line feed is on disk; what a crash left behind
    the last line feed is cut off before the next line is written.

    Args:
        path: the file; it and its folder appear with the first entry.
        lock: the lock file that all writers of this history share.
    """

    def __init__(self, path: Path, lock: Path) -> None:
        self.path = path
        self._lock = lock

    def append(self, entries: Sequence[dict[str, Any]]) -> None:
        """Write entries behind all others and return once they are on disk.

        Raises:
            ValueError: for an entry that is not plain JSON (NaN included); nothing is written then.
        """
        lines = "".join(json.dumps({"schema": SCHEMA, **entry}, allow_nan=False) + "\n" for entry in entries)
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._lock), self.path.open("a+b", buffering=0) as file:
            _cut_torn_line(file.fileno(), self.path)
            _write_whole(file.fileno(), lines.encode())

    def entries(self) -> list[dict[str, Any]]:
        """Return all entries, oldest first; a torn last line is left out.

        Raises:
            FileFormatError: for a damaged line that is not the last, or a schema of another version.
        """
        if not self.path.exists():
            return []
        content = self.path.read_bytes()
        complete = content[: content.rfind(b"\n") + 1]
        return [self._entry(number, line) for number, line in enumerate(complete.splitlines(), start=1)]

    def _entry(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            raise FileFormatError(
                f"{self.path.name}, line {number}: damaged ({line[:60]!r}); restore it from a copy"
            ) from None
        if not isinstance(entry, dict) or entry.pop("schema", None) not in READABLE:
            raise FileFormatError(f"{self.path.name}, line {number}: not an entry of schema {READABLE[0]} to {SCHEMA}")
        return entry


def _write_whole(descriptor: int, data: bytes) -> None:
    """Write all of it behind what is there, or, on a full disk, nothing."""
    size = os.fstat(descriptor).st_size
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _cut_torn_line(descriptor: int, path: Path) -> None:
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return
    keep = os.pread(descriptor, size, 0).rfind(b"\n") + 1
    logger.warning("%s: a torn last line of %d bytes was cut off", path.name, size - keep)
    os.ftruncate(descriptor, keep)
