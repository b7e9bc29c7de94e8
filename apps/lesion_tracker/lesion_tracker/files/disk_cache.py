"""Files on disk that can be made again: bounded by their bytes, whole or not there, shared by several servers."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from lesion_tracker.errors import PacsError, StudyError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class DiskCache:
    """Named entries, each a file or a folder of files; the least recently used ones are removed above the limit.

    An entry is made in a draft and renamed, so that nobody sees half of one. A lock file an entry keeps threads and
    processes apart: an entry is made once, and never removed while somebody reads it.

    Args:
        folder: of the entries; made if it is missing.
        max_bytes: of all entries; a single larger entry stays until the next one is made.
        wait_s: how long to wait for another request that makes or reads the same entry.
    """

    def __init__(self, folder: Path, max_bytes: int, wait_s: float) -> None:
        self._folder, self._max_bytes, self._wait_s = folder, max_bytes, wait_s
        for name in ("entries", "locks", "used"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._remove_drafts()

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
            StudyError: if it cannot be written; what `make` raises otherwise. Nothing is kept then.
        """
        path = self.path(name)
        with self._locked(name, self._wait_s):
            if not (path.exists() and is_current(path)):
                self._make(name, path, make)
            self._stamp(name, path)
        self._trim(name)
        return path

    def read(self, path: Path, read: Callable[[Path], Result]) -> Result:
        """Read an entry (or any other path) while nobody can remove it."""
        if path.parent != self._folder / "entries":
            return read(path)
        with self._locked(path.name, self._wait_s):
            return read(path)

    def used_bytes(self) -> int:
        """Return the bytes of all entries."""
        return sum(size for _, size, _ in self._entries())

    def _make(self, name: str, path: Path, make: Callable[[Path], None]) -> None:
        try:
            draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{name}."))
            try:
                make(draft / name)
                _remove(path)
                os.replace(draft / name, path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise StudyError(
                f"{name}: it cannot be kept in the cache {self._folder} ({error.strerror or error}): permissions, or a "
                "full disk?"
            ) from None

    def _stamp(self, name: str, path: Path) -> None:
        """Write the size of an entry; the stamp's time says when it was last used."""
        try:
            (self._folder / "used" / name).write_text(str(_bytes_of(path)))
        except OSError as error:
            logger.warning("the cache cannot note the use of %s: %s", name, error)

    def _entries(self) -> list[tuple[float, int, str]]:
        """Return (last use, bytes, name) of all entries, the least recently used first."""
        found = []
        for path in self.path("").iterdir():
            if path.name.startswith("."):
                continue
            stamp = self._folder / "used" / path.name
            try:
                found.append((stamp.stat().st_mtime, int(stamp.read_text()), path.name))
            except (OSError, ValueError):
                found.append((0.0, _bytes_of(path), path.name))
        return sorted(found)

    def _trim(self, keep: str) -> None:
        entries = self._entries()
        total = sum(size for _, size, _ in entries)
        for _, size, name in entries:
            if total <= self._max_bytes:
                return
            if name != keep and self._evict(name):
                total -= size

    def _evict(self, name: str) -> bool:
        try:
            with self._locked(name, 0.0):
                _remove(self.path(name))
                (self._folder / "used" / name).unlink(missing_ok=True)
        except PacsError:
            return False
        logger.info("removed %s from the cache, which is full", name)
        return True

    def _remove_drafts(self) -> None:
        """Remove what a server that was killed left behind; a draft that is being written is locked."""
        for draft in self.path("").glob(".*"):
            try:
                with self._locked(draft.name[1:].rpartition(".")[0], 0.0):
                    _remove(draft)
            except PacsError:
                continue

    @contextmanager
    def _locked(self, name: str, wait_s: float) -> Iterator[None]:
        try:
            with FileLock(self._folder / "locks" / f"{name}.lock", timeout=wait_s):
                yield
        except Timeout:
            raise PacsError(
                f"{name}: another request has been busy with it for {wait_s:g} s; try again later"
            ) from None


def _bytes_of(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
