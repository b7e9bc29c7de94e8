"""One server a folder of studies: two would overwrite each other's list of the studies, and with it what was uploaded."""

from pathlib import Path

from filelock import FileLock, Timeout

from lesion_tracker.errors import InputError


def only_server_of(folder: Path) -> FileLock:
    """Return the lock of the one server that may serve a folder; it holds until it is released, or the process ends.

    Args:
        folder: of the studies.

    Raises:
        InputError: if another server serves it.
    """
    lock = FileLock(folder / "labels" / ".server.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"another server serves {folder} already, and two would lose each other's uploads: stop that one, or give this "
            "one a folder of its own; several servers may read one PACS"
        ) from None
    return lock
