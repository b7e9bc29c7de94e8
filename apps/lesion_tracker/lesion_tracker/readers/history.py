"""An append-only history in JSON lines: what was written stays, and several writers lose nothing."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import parsed, refuse_halves
from lesion_tracker.volumes.unchanged import next_tick

logger = logging.getLogger(__name__)

SCHEMA = 3
"""What is written: schema 1 knew only records, 2 also actions (rename, delete, restore, undo), 3 also on which volume a record
was made, and the place of each line."""

READABLE = (1, 2, 3)
TAIL_BYTES = 1 << 16


class History:
    """One file of JSON lines that only grows; safe for several threads and processes.

    Every line carries its schema version. A line counts once its line feed is on disk; what a crash left behind
    the last line feed is cut off before the next line is written. Size and time of the file tell what it holds: after
    something was cut off, nothing is written within the same tick of the clock.

    Args:
        path: the file; it and its folder appear with the first entry.
        lock: the lock file that all writers of this history share.
    """

    def __init__(self, path: Path, lock: Path) -> None:
        self.path = path
        self._lock = lock

    @property
    def name(self) -> str:
        """The file as errors name it, with its folder: each study has files of one name in several."""
        return f"{self.path.parent.name}/{self.path.name}"

    def append(self, entries: Sequence[dict[str, Any]]) -> None:
        """Write entries behind all others and return once they are on disk.

        Raises:
            ValueError: for an entry that is not plain JSON (NaN and halves of a letter included); nothing is written then.
        """
        lines = "".join(json.dumps({"schema": SCHEMA, **entry}, allow_nan=False) + "\n" for entry in entries)
        if not lines:
            return
        refuse_halves(lines, entries)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._lock), self.path.open("a+b", buffering=0) as file:
            _cut_torn_line(file.fileno(), self.path)
            _write_whole(file.fileno(), lines.encode())

    def entries(self) -> list[dict[str, Any]]:
        """Return all entries, oldest first; a torn last line is left out.

        Raises:
            FileFormatError: for a damaged line that is not the last, a schema of another version, or a file that cannot be
                read.
        """
        return [self.entry(str(number), line) for number, line in enumerate(self._lines(), start=1)]

    def last(self) -> dict[str, Any]:
        """Return the last entry, {} where there is none, without reading the others.

        Raises:
            FileFormatError: if that line is damaged.
        """
        line = next(reversed(self._lines(TAIL_BYTES)), b"") or next(reversed(self._lines()), b"")
        return self.entry("the last", line) if line else {}

    def content(self) -> bytes:
        """Return the whole lines of the file, as they stand there.

        Raises:
            FileFormatError: for a file that cannot be read.
        """
        return self._tail(0)[0]

    def _lines(self, tail_bytes: int = 0) -> list[bytes]:
        """Return the whole lines of the file, or those of them that lie wholly within its last bytes."""
        content, start = self._tail(tail_bytes)
        lines = content.split(b"\n")[:-1]
        return lines[1:] if start else lines

    def _tail(self, tail_bytes: int) -> tuple[bytes, int]:
        """Return the file's last bytes up to its last line feed, all of them for 0, and where they begin."""
        try:
            with self.path.open("rb") as file:
                start = max(0, os.fstat(file.fileno()).st_size - tail_bytes) if tail_bytes else 0
                file.seek(start)
                content = file.read()
        except FileNotFoundError:
            return b"", 0
        except (IsADirectoryError, NotADirectoryError) as error:
            raise FileFormatError(f"{self.name} cannot be read: {error.strerror}; restore it from a copy") from None
        return content[: content.rfind(b"\n") + 1], start

    def entry(self, number: str, line: bytes) -> dict[str, Any]:
        """Return what a line says.

        Args:
            number: of the line, for errors.
            line: without its line feed.

        Raises:
            FileFormatError: for one that is damaged, or of another version.
        """
        try:
            entry = parsed(str(line, "utf-8-sig"))
        except (ValueError, RecursionError):
            raise FileFormatError(
                f"{self.name}, line {number}: damaged ({line[:60]!r}); restore it from a copy"
            ) from None
        if not isinstance(entry, dict) or entry.pop("schema", None) not in READABLE:
            raise FileFormatError(
                f"{self.name}, line {number}: not an entry of schema {READABLE[0]} to {SCHEMA}; "
                "restore it from a copy, or read it with the version that wrote it"
            )
        return entry


def whole_size(path: Path) -> int:
    """Return how many bytes of a history are whole lines, 0 where there is none."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0 or os.pread(file.fileno(), 1, size - 1) == b"\n":
            return size
        return os.pread(file.fileno(), size, 0).rfind(b"\n") + 1


def _write_whole(descriptor: int, data: bytes) -> None:
    """Write all of it behind what is there, or, on a full disk, nothing."""
    size = os.fstat(descriptor).st_size
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        next_tick()
        raise


def _cut_torn_line(descriptor: int, path: Path) -> None:
    size, keep = os.fstat(descriptor).st_size, whole_size(path)
    if keep == size:
        return
    logger.warning("%s: a torn last line of %d bytes was cut off", path.name, size - keep)
    os.ftruncate(descriptor, keep)
    next_tick()
