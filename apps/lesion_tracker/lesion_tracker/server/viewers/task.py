"""What the three tasks have in common as MONAI Label's: their labels, their options, and a word on keys that nobody knows."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from lesion_tracker.server.viewers.labels import LABEL_VALUES
from lesion_tracker.server.viewers.options import Option, shown_options


class LesionTask(InferTask):
    """A task of MONAI Label on lesions.

    Args:
        kind: where the clients offer it.
        description: what they show of it.
    """

    options: ClassVar[Mapping[str, Option]] = {}
    """What the viewers let a reader set."""

    def __init__(self, kind: InferType, description: str) -> None:
        super().__init__(type=kind, labels=dict(LABEL_VALUES), dimension=3, description=description)

    def is_valid(self) -> bool:
        """Say that the task is always there."""
        return True

    def config(self) -> dict[str, Any]:
        """Return the options that the viewers show."""
        return shown_options(self.options)


def sender_of(request: Mapping[str, Any]) -> str:
    """Return who sent a request: the log-in, else what the client calls itself, else ""."""
    return str(request.get("user") or request.get("client_id") or "")


def passed_over(keys: Iterable[str]) -> list[str]:
    """Return a warning for each key of a request that nobody knows: it may be misspelt."""
    return [f"the key {key!r} is not known and was passed over" for key in keys]
