"""A file or folder written whole: its reader finds the old one or all of the new one, whatever breaks off.

A draft lies in a hidden folder beside its place, under its own name: no reader takes it for a result, and a library
that chooses the format by the ending finds it. It is removed on every failure. What a killed process left is removed by
`remove_drafts`: a draft is locked as long as the process that writes it lives.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lesion_tracker.errors import FileFormatError

DRAFT = ".lesion-tracker-draft-"
"""How the folders of drafts begin."""


@contextmanager
def written_whole(path: Path, *, durable: bool = False, mode: int | None = None) -> Iterator[Path]:
    """Give a path to write to; after the block a file or folder that was made there stands at `path`, or nothing changed.

    What a library leaves beside the draft (the voxels of an `.mhd`) comes with it, the named file last.

    Args:
        path: in an existing folder. A file replaces a file; a folder only an empty one.
        durable: what was written outlives a power failure.
        mode: the file's permissions; None leaves them to the process's umask. Nobody else can read the draft.

    Raises:
        OSError: if it cannot be written: no such folder, permissions, a full disk.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "it is a device or a pipe, no file", str(path))
    with _draft_folder(path.parent) as folder:
        draft = folder / path.name
        yield draft
        if mode is not None:
            draft.chmod(mode)
        parts = [*(part for part in sorted(folder.iterdir()) if part != draft), draft]
        if durable:
            for part in parts:
                _sync(part)
        for part in parts:
            os.replace(part, path.parent / part.name)
        if durable:
            _sync_names(path.parent)


def write_bytes(data: bytes | memoryview, path: Path, *, durable: bool = False, mode: int | None = None) -> None:
    """Write a file at once.

    Raises:
        OSError: if it cannot be written.
    """
    with written_whole(path, durable=durable, mode=mode) as draft:
        draft.write_bytes(data)


def write_text(text: str, path: Path, *, durable: bool = False, mode: int | None = None) -> None:
    """Write a text file at once, in UTF-8.

    Raises:
        OSError: if it cannot be written.
    """
    write_bytes(text.encode(), path, durable=durable, mode=mode)


@contextmanager
def refusals_of(path: Path) -> Iterator[None]:
    """Say of a path that the user named why it cannot be written.

    Raises:
        FileFormatError: for an OSError within the block.
    """
    try:
        yield
    except OSError as error:
        raise FileFormatError(f"{path} cannot be written: {error.strerror or error}") from None


def remove_drafts(folder: Path) -> None:
    """Remove what killed processes left in a folder; a draft that is being written stays.

    On a file system without locks nothing is removed: there nobody can tell.
    """
    for draft in folder.glob(f"{DRAFT}*"):
        with contextlib.suppress(OSError):
            handle = os.open(draft, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(draft, ignore_errors=True)
            finally:
                os.close(handle)


@contextmanager
def _draft_folder(parent: Path) -> Iterator[Path]:
    folder, handle = _locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=DRAFT, dir=parent))
        with contextlib.suppress(FileNotFoundError):  # `remove_drafts` was here before the lock
            handle = os.open(folder, os.O_RDONLY)
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            if folder.exists():
                return folder, handle
            os.close(handle)


def _sync(path: Path) -> None:
    """Bring a file, or all files of a folder, to the disk."""
    if path.is_dir():
        for part in path.iterdir():
            _sync(part)
        _sync_names(path)
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_names(folder: Path) -> None:
    """Bring the names in a folder to the disk, where its file system knows how."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
