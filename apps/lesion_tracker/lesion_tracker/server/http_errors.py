"""Domain errors to HTTP: what the user gave is 4xx with the text, our own faults are 500 with a logged traceback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from fastapi import HTTPException

from lesion_tracker.errors import InputError, LesionTrackerError, PacsError, RegistrationFailed, WeightsError
from lesion_tracker.server.lacking import lacking

logger = logging.getLogger(__name__)

STATUS: tuple[tuple[type[LesionTrackerError], int], ...] = (
    (InputError, 422),
    (RegistrationFailed, 422),
    (WeightsError, 409),
    (PacsError, 502),
)
"""Status of each kind of error; any other is a fault of ours: 500."""


@contextmanager
def refusals_as_http() -> Iterator[None]:
    """Turn the errors of the package into HTTP answers that carry their text.

    Raises:
        HTTPException: 422 for wrong input and for volumes that cannot be aligned, 409 without usable weights,
            502 for a PACS that does not answer, 503 without memory, 507 where the disk is full or read-only,
            500 for any other error that the package raises on purpose.
    """
    try:
        yield
    except LesionTrackerError as error:
        status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
        if status == 500:
            logger.exception("a fault of the server")
        else:
            logger.info("refused with %d: %s", status, error)  # OHIF shows no more than that something failed
        raise HTTPException(status, detail=str(error)) from error
    except (OSError, MemoryError, torch.OutOfMemoryError) as error:
        answer = lacking(error)
        if answer is None:
            raise
        logger.error("a request was refused: %s", answer[1])
        raise HTTPException(*answer) from error


def unknown_study(image_id: str) -> HTTPException:
    """Return the answer to an id that the datastore does not hold."""
    return HTTPException(
        404,
        detail=f"no study {image_id!r} in this datastore: upload it first, or take an id of GET /datastore/?output=all",
    )
