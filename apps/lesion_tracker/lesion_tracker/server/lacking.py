"""What the machine lacks for a request: room on the disk, leave to write, memory of the GPU."""

import errno
from http import HTTPStatus

import torch

DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "a file has reached the largest size that is allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "the server may not write there",
    errno.EPERM: "the server may not write there",
    errno.EIO: "the disk does not answer",
}


def lacking(error: BaseException) -> tuple[int, str] | None:
    """Return the status and the text of an answer for an error of the machine, or None for any other error.

    A GPU's cached memory is given back, so that the next request may find room.
    """
    if isinstance(error, torch.OutOfMemoryError):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return HTTPStatus.SERVICE_UNAVAILABLE, (
            "the GPU has not enough free memory for this request: try again when other work on it is done, track fewer "
            "lesions at once, or start the server with --conf device cpu; nothing was stored"
        )
    if isinstance(error, MemoryError):
        return HTTPStatus.SERVICE_UNAVAILABLE, (
            "the machine has not enough free memory for this request: try again when other work is done; "
            "nothing was stored"
        )
    if isinstance(error, OSError) and error.errno in DISK:
        where = f" ({error.filename})" if error.filename else ""
        return HTTPStatus.INSUFFICIENT_STORAGE, (
            f"nothing could be written: {DISK[error.errno]}{where}; nothing of this request was stored, what was stored "
            "before is there. Make room or make the folder writable, and send the request again"
        )
    return None
