"""Files on disk that can be made again: bounded by their bytes, whole or not there, shared by several servers."""

import errno
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from lesion_tracker.errors import PacsError, StudyError
from lesion_tracker.files.whole import remove_drafts, written_whole

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


TRIES = 5
"""So often is an entry made again that others remove, for room, before it is read."""


def retried(read: Callable[[], Result]) -> Result:
    """Make and read an entry, again where another server made room in the cache between the two.

    Args:
        read: makes the entry, then reads it; FileNotFoundError where it is gone by then.

    Raises:
        StudyError: if it is removed each time.
    """
    for _ in range(TRIES):
        try:
            return read()
        except FileNotFoundError as error:
            gone = error
    raise StudyError(
        f"{Path(str(gone.filename)).name}: it was removed from the cache {TRIES} times before it could be read: "
        "too little room for all that is open at once? pacs_cache_mb is the limit"
    )


class DiskCache:
    """Named entries, each a file or a folder of files; the least recently used ones are removed above the limit.

    An entry is written whole, so that nobody sees half of one. A lock file an entry keeps threads and processes apart:
    an entry is made once, and never removed while somebody reads it.

    Args:
        folder: of the entries; made if it is missing.
        max_bytes: of all entries; a single larger entry stays until the next one is made.
        wait_s: how long to wait for another request that makes or reads the same entry.
    """

    def __init__(self, folder: Path, max_bytes: int, wait_s: float) -> None:
        self._folder, self._max_bytes, self._wait_s = folder, max_bytes, wait_s
        for name in ("entries", "locks", "used"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        remove_drafts(folder / "entries")

    def path(self, name: str) -> Path:
        """Return where an entry lies, or would lie."""
        return self._folder / "entries" / name

    def get(self, name: str, is_current: Callable[[Path], bool], make: Callable[[Path], None]) -> Path:
        """Return an entry; make it first if it is missing or no longer current.

        Args:
            name: of the entry: a file name.
            is_current: says whether an entry that is there still counts.
            make: writes the entry to a path that does not exist yet, in a folder of its own.

        Raises:
            PacsError: if another request is still busy with it after `wait_s`.
            FileNotFoundError: if what `make` reads is gone.
            StudyError: if it cannot be written; what `make` raises otherwise. Nothing is kept then.
        """
        path = self.path(name)
        with self._waiting(name):
            if not (path.exists() and is_current(path)):
                try:
                    self.put(name, make)
                except FileNotFoundError:
                    raise  # what it is made of was removed meanwhile
                except OSError as error:
                    raise StudyError(
                        f"{name}: it cannot be kept in the cache {self._folder} ({error.strerror or error}): "
                        "permissions, or a full disk?"
                    ) from None
            self.note_use(name)
        self.trim(keep=name)
        return path

    def read(self, path: Path, read: Callable[[Path], Result]) -> Result:
        """Read an entry (or any other path) while nobody can remove it.

        Raises:
            FileNotFoundError: if the entry was removed before this call, to make room for others.
            PacsError: if another request is still busy with it after `wait_s`.
        """
        if path.parent != self._folder / "entries":
            return read(path)
        with self._waiting(path.name):
            if not path.exists():
                raise FileNotFoundError(errno.ENOENT, "removed from the cache, which was full", str(path))
            return read(path)

    def put(self, name: str, make: Callable[[Path], None]) -> None:
        """Write an entry in the place of what is there; hold its lock meanwhile.

        Raises:
            OSError: if it cannot be written.
        """
        path = self.path(name)
        with written_whole(path) as draft:
            make(draft)
            _remove(path)

    def note_use(self, name: str) -> None:
        """Write the size of an entry; the stamp's time says when it was last used."""
        try:
            (self._folder / "used" / name).write_text(str(_bytes_of(self.path(name))))
        except OSError as error:
            logger.warning("the cache cannot note the use of %s: %s", name, error)

    def trim(self, keep: str = "") -> None:
        """Remove the least recently used entries above the limit, but for one that is needed now."""
        entries = self._entries()
        total = sum(size for _, size, _ in entries)
        for _, size, name in entries:
            if total <= self._max_bytes:
                return
            if name != keep and self._evict(name):
                total -= size

    def used_bytes(self) -> int:
        """Return the bytes of all entries."""
        return sum(size for _, size, _ in self._entries())

    @contextmanager
    def locked(self, name: str, wait_s: float | None = None) -> Iterator[None]:
        """Hold an entry against all threads and processes.

        Args:
            name: of the entry.
            wait_s: for whoever holds it; None: as long as this cache waits.

        Raises:
            TimeoutError: if it is still held then.
            OSError: if the folder of the locks cannot be written to.
        """
        with FileLock(self._folder / "locks" / f"{name}.lock", timeout=self._wait_s if wait_s is None else wait_s):
            yield

    @contextmanager
    def _waiting(self, name: str) -> Iterator[None]:
        try:
            with self.locked(name):
                yield
        except Timeout:
            raise PacsError(
                f"{name}: another request has been busy with it for {self._wait_s:g} s; try again later"
            ) from None

    def _entries(self) -> list[tuple[float, int, str]]:
        """Return (last use, bytes, name) of all entries, the least recently used first."""
        found = []
        for path in self.path("").iterdir():
            if not path.name.startswith("."):
                with suppress(FileNotFoundError):  # another server has just removed it
                    found.append((*self._use_of(path), path.name))
        return sorted(found)

    def _use_of(self, path: Path) -> tuple[float, int]:
        stamp = self._folder / "used" / path.name
        used_s = (stamp if stamp.exists() else path).stat().st_mtime
        try:
            return used_s, int(stamp.read_text())
        except (OSError, ValueError):
            return used_s, _bytes_of(path)

    def _evict(self, name: str) -> bool:
        try:
            with self.locked(name, 0.0):
                _remove(self.path(name))
                (self._folder / "used" / name).unlink(missing_ok=True)
        except Timeout:
            return False
        logger.info("removed %s from the cache, which is full", name)
        return True


def _bytes_of(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
