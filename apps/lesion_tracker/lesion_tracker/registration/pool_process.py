"""The process in which elastix and greedy run: it takes one job at a time from its parent, and ends with it."""

import logging
import os
import sys
from multiprocessing.connection import Connection
from typing import Any

from lesion_tracker.registration.process_pool import Job, Task

logger = logging.getLogger(__name__)


def serve(connection: Connection) -> None:
    """Answer jobs until the parent closes the connection; a job that fails answers with its error's text."""
    while True:
        try:
            task, job = connection.recv()
        except EOFError:
            return
        connection.send(_answer(task, job))


def _answer(task: Task, job: Job) -> tuple[bool, Any]:
    try:
        return True, task(job)
    except Exception as error:  # any fault of a native library must reach the parent, which raises
        logger.exception("%s failed", task.__name__)
        return False, f"{type(error).__name__}: {error}"[:2000]


if __name__ == "__main__":
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # both libraries print to the console
    serve(Connection(int(sys.argv[1])))
