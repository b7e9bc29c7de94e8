"""Files that are read more than once, for their header and for their voxels, must stay the same in between."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lesion_tracker.errors import StudyError

Stamp = tuple[int, int, int]


def stamp(path: Path) -> Stamp:
    """Return what changes when a file is written or replaced: its inode, its size and the time of its last change.

    Raises:
        OSError: if it is not there.
    """
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


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
