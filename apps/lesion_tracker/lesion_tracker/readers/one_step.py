"""Entries of several histories, written as one step: all of them count, or, after a fault or a crash, none."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json
from lesion_tracker.files.whole import write_text
from lesion_tracker.readers.history import History, whole_size
from lesion_tracker.volumes.unchanged import next_tick

logger = logging.getLogger(__name__)

Part = tuple[History, Sequence[dict[str, Any]]]


def append_all(parts: Sequence[Part], note: Path) -> None:
    """Write entries behind those of their histories. The caller holds the lock of all of them.

    Where it is more than one line, the sizes before are noted first; who finds the note takes back what was begun.

    Args:
        parts: histories, each with its entries.
        note: the file of the note, beside the histories' folders.

    Raises:
        OSError: if one of them cannot be written; nothing is kept then.
    """
    written = [(history, entries) for history, entries in parts if entries]
    if sum(len(entries) for _, entries in written) < 2:
        for history, entries in written:
            history.append(entries)
        return
    sizes = {os.path.relpath(history.path, note.parent): whole_size(history.path) for history, _ in written}
    write_text(json.dumps({"sizes": sizes}), note, durable=True)
    try:
        for history, entries in written:
            history.append(entries)
    except BaseException:
        take_back(note)
        raise
    _forget(note)


def take_back(note: Path) -> None:
    """Cut off what a step began to write and did not end. The caller holds the lock.

    Raises:
        FileFormatError: for a note that is none.
    """
    if not note.exists():
        return
    sizes = read_json(note).get("sizes")
    if not isinstance(sizes, dict) or not all(isinstance(size, int) for size in sizes.values()):
        raise FileFormatError(f"{note} is damaged; restore it from a copy, or remove it and look at the newest marks")
    for name, size in sizes.items():
        path = note.parent / name
        now = path.stat().st_size if path.exists() else 0
        if now > size:
            logger.warning("%s: an action that was not ended is taken back, %d bytes", name, now - size)
            os.truncate(path, size)
            _sync(path)
            next_tick()
    _forget(note)


def _forget(note: Path) -> None:
    """Remove a note for good: one that came back after a power cut would take back what was answered as stored."""
    note.unlink()
    _sync(note.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
