"""One server a folder of studies: two would overwrite each other's list of the studies, and with it what was uploaded.

By hand, because a lock file that is open for writing would keep the operator from making the disk read-only.
"""

import fcntl
import os
from pathlib import Path

from lesion_tracker.errors import InputError


def only_server_of(folder: Path) -> int:
    """Return the descriptor that holds the lock of the one server of a folder, until it is closed or the process ends.

    Args:
        folder: of the studies.

    Raises:
        InputError: if another server serves it.
        OSError: if nothing can be written there.
    """
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    held = os.open(folder / "labels" / ".server.lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise InputError(
            f"another server serves {folder} already, and two would lose each other's uploads: stop that one, or give this "
            "one a folder of its own; several servers may read one PACS"
        ) from None
    return held
