"""Files that are read more than once, for their header and for their voxels, must stay the same in between."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lesion_tracker.errors import StudyError

Stamp = tuple[int, int, int]

TICK_S = 0.02
"""The clock of a file system moves in steps of up to 10 ms: two changes within one have one time."""


def stamp(path: Path) -> Stamp:
    """Return what changes when a file is written or replaced: its inode, its size and the time of its last change.

    A file that changed a moment ago is waited for, at most 20 ms, so that its next change has another time.

    Raises:
        OSError: if it is not there.
    """
    status = path.stat()
    if 0 <= time.time_ns() - status.st_mtime_ns < TICK_S * 1e9:
        next_tick()
        status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def next_tick() -> None:
    """Return when a change of a file will have another time than all changes before this call."""
    time.sleep(TICK_S)


@contextmanager
def unchanged(files: Sequence[Path]) -> Iterator[None]:
    """Refuse what was read from files that were written or replaced meanwhile.

    Raises:
        StudyError: with the name of one.
    """
    before = [stamp(path) for path in files]
    yield
    for path, was in zip(files, before, strict=True):
        try:
            same = stamp(path) == was
        except OSError:
            same = False
        if not same:
            raise StudyError(f"{path.name} was changed or removed while it was read: still being copied? Try again")
