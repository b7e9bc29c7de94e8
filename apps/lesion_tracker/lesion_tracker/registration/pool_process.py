"""The process in which elastix and greedy run: it takes one job at a time from its parent, and ends with it."""

import logging
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from lesion_tracker.registration import elastix, greedy

logger = logging.getLogger(__name__)

Job = dict[str, Any]
TASKS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "affine": elastix.affine,
    "bspline": elastix.bspline,
    "deform": greedy.deform,
    "load": elastix.load,
    "rigid": elastix.rigid,
}


def serve(connection: Connection) -> None:
    """Answer jobs until the parent closes the connection; a job that fails answers with its error's text."""
    while True:
        try:
            task, job = connection.recv()
        except EOFError:
            return
        connection.send(_answer(task, job))


def _answer(task: str, job: Job) -> tuple[bool, Any]:
    try:
        return True, TASKS[task](job)
    except Exception as error:  # any fault of a native library must reach the parent, which raises
        logger.exception("%s failed", task)
        return False, f"{type(error).__name__}: {error}"[:2000]


if __name__ == "__main__":
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # both libraries print to the console
    serve(Connection(int(sys.argv[1])))
