"""What was read from history files last, until they grow; of a long one also on disk, for the next start."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json
from lesion_tracker.files.whole import write_text
from lesion_tracker.readers.history import History
from lesion_tracker.readers.recent_lines import ReadLine, Recent

logger = logging.getLogger(__name__)

Read = TypeVar("Read")
MOST_FILES = 20_000
SHORT = ".recent"
"""The folder beside the tags that keeps the last lines of long histories; it may be removed at any time."""

WRITTEN_BYTES = 4 << 20
"""So much a history grows until its last lines are written anew."""


class RecordCache:
    """What was read from history files last, until they grow."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[int, int, int], Any]] = {}
        self._recent: dict[Path, tuple[tuple[int, int, int], Recent, int]] = {}
        self._lock = threading.Lock()

    def get(self, history: History, read: Callable[[History], Read]) -> Read:
        """Return what `read` makes of a history, anew only when its file has changed."""
        state = state_of(history.path)
        if state is None:
            return read(history)
        with self._lock:
            known = self._read.get(history.path)
        if known is not None and known[0] == state:
            return known[1]
        value = read(history)
        self._keep(self._read, history.path, (state, value))
        return value

    def recent(self, history: History, read: ReadLine) -> Recent:
        """Return the lines of a history that matter; only those that are new are read.

        Args:
            history: the file.
            read: makes what is kept of a line.

        Raises:
            FileFormatError: for a line that is damaged.
        """
        state = state_of(history.path)
        if state is None:
            return Recent()
        with self._lock:
            known = self._recent.get(history.path)
        if known is not None and known[0] == state:
            return known[1]
        content = history.content()
        recent, written = known[1:] if known else (None, 0)
        grown = recent.grown(content, history, read) if recent else None
        if grown is None and len(content) > WRITTEN_BYTES:
            recent = _load(history, read)
            written, grown = (recent.size, recent.grown(content, history, read)) if recent else (0, None)
        if grown is None:
            written, grown = 0, Recent().grown(content, history, read) or Recent()
        if grown.left_out.stamps and grown.size - written > WRITTEN_BYTES:
            written = grown.size
            _write(history, grown)
        self._keep(self._recent, history.path, (state, grown, written))
        return grown

    def _keep(self, known: dict[Path, Any], path: Path, value: Any) -> None:
        with self._lock:
            while len(known) >= MOST_FILES:
                known.pop(next(iter(known)))
            known[path] = value


def state_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _short(history: History) -> Path:
    path = history.path
    return path.parent.parent / SHORT / path.parent.name / path.name


def _load(history: History, read: ReadLine) -> Recent | None:
    """Return what was kept of a history; None where there is nothing, or it is torn: it is made again."""
    try:
        return Recent.from_json(read_json(_short(history)), history, read)
    except (FileFormatError, OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _write(history: History, recent: Recent) -> None:
    path = _short(history)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(recent.to_json(), allow_nan=False), path)
    except OSError as error:
        logger.info("%s: its last lines cannot be kept, the next start reads all of it: %s", history.name, error)
