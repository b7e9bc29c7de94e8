"""What shares out jobs: hand a job in, wait for the next that is done; a job that fails says why and stops nothing."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Args:
        key: of the job.
        value: what it returned, or None where it failed.
        error: why it failed, in one line; "" where it did not.
    """

    key: str
    value: Any
    error: str = ""


@runtime_checkable
class Workers(Protocol):
    """Processes that run one function on many jobs."""

    def submit(self, key: str, payload: Any) -> None:
        """Hand in a job; it may wait for its turn."""

    def wait(self) -> list[Outcome]:
        """Return the outcomes of at least one job, when it is done; nothing if no job is left."""

    def close(self) -> None:
        """Stop all processes; jobs that run are lost."""


def one_line(error: BaseException) -> str:
    """Return an error as a line for a table: its text, with its kind where it is not one that we raise on purpose."""
    text = " ".join(str(error).split())
    return text if type(error).__module__.startswith("lesion_tracker.") else f"{type(error).__name__}: {text}"
