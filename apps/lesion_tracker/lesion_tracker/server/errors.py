"""Errors as HTTP answers: the only place that knows which status an error has, for this server's routes and MONAI Label's.

What the user gave is 4xx with the error's own text; what the machine lacks is 503 or 507; what is in no row of the table
is a fault of ours: 500, with its traceback in the log.
"""

import errno
import logging
from dataclasses import dataclass
from typing import Any

import torch
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from lesion_tracker.errors import (
    Abandoned,
    Busy,
    Changed,
    InputError,
    Lacking,
    LesionTrackerError,
    NoMemory,
    NoRoom,
    NotFound,
    NotReady,
    Overdue,
    Overloaded,
    PacsError,
    RegistrationFailed,
    WeightsError,
)

logger = logging.getLogger(__name__)

STATUS: tuple[tuple[type[LesionTrackerError], int], ...] = (
    (NotFound, 404),
    (Changed, 409),
    (NotReady, 409),
    (InputError, 422),
    (RegistrationFailed, 422),
    (WeightsError, 409),
    (Overloaded, 503),
    (Overdue, 504),
    (Abandoned, 499),
    (Busy, 429),
    (NoRoom, 507),
    (NoMemory, 503),
    (PacsError, 502),
)
"""The status of each kind of error; the first row that fits counts."""

DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "a file has reached the largest size that is allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "the server may not write there",
    errno.EPERM: "the server may not write there",
    errno.EIO: "the disk does not answer",
}


@dataclass(frozen=True)
class Refusal:
    """Why something was not done.

    Args:
        status: of an HTTP answer.
        text: for the user.
    """

    status: int
    text: str


def refusal_or_raise(error: Exception) -> Refusal:
    """Return what a user is told of an error; a fault of ours is raised again."""
    known = lacking(error) or error
    for kind, status in STATUS:
        if isinstance(known, kind):
            return Refusal(status, _text(known))
    raise error


def lacking(error: Exception) -> Lacking | None:
    """Return what the machine lacks if that is why an error came about: room, leave to write, memory; else None.

    A GPU's cached memory is given back, so that the next request may find room.
    """
    if isinstance(error, torch.OutOfMemoryError):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return NoMemory(
            "the GPU has not enough free memory for this request: try again when other work on it is done, track fewer "
            "lesions at once, or start the server with --conf device cpu; nothing was stored"
        )
    if isinstance(error, MemoryError):
        return NoMemory(
            "the machine has not enough free memory for this request: try again when other work is done; "
            "nothing was stored"
        )
    if isinstance(error, OSError) and error.errno in DISK:
        where = f" ({error.filename})" if error.filename else ""
        return NoRoom(
            f"nothing could be written: {DISK[error.errno]}{where}; nothing of this request was stored, what was stored "
            "before is there. Make room or make the folder writable, and send the request again"
        )
    return None


def answer_errors(application: FastAPI) -> None:
    """Let an application answer errors by the table; it must not have been asked anything yet."""
    for kind in (LesionTrackerError, OSError, MemoryError, torch.OutOfMemoryError):
        application.add_exception_handler(kind, _refused)
    application.add_exception_handler(RequestValidationError, _not_valid)
    application.add_exception_handler(400, _not_read)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    try:
        refusal = refusal_or_raise(error)
    except LesionTrackerError:
        logger.exception("a fault of the server")
        return JSONResponse({"detail": _text(error)}, 500)
    log = logger.error if isinstance(error, OSError | MemoryError | torch.OutOfMemoryError) else logger.info
    log("refused with %d: %s", refusal.status, refusal.text)  # OHIF shows no more than that something failed
    return JSONResponse({"detail": refusal.text}, refusal.status)


async def _not_read(request: Request, error: Exception) -> JSONResponse:
    """Answer a body of which nothing can be made as any other wrong input: frameworks say 400, and not why."""
    why = getattr(error, "detail", "")
    text = f"the body cannot be read ({why}): is it text in UTF-8 or a whole form, and not nested too deep?"
    return JSONResponse({"detail": text}, 422)


async def _not_valid(request: Request, error: Exception) -> JSONResponse:
    """Name what is wrong without repeating it: not everything that JSON can say can be sent back as JSON.

    FastAPI's own handler repeats a refused value, and fails where that is infinite or half a surrogate pair.
    """
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return JSONResponse({"detail": [_plain(one) for one in found]}, 422)


def _plain(error: dict[str, Any]) -> dict[str, Any]:
    """Return place and message of one error, as text that can be encoded."""
    return {"loc": [_text(part) for part in error["loc"]], "msg": _text(error["msg"]), "type": error["type"]}


def _text(part: object) -> str:
    return str(part).encode("utf-8", "backslashreplace").decode()
