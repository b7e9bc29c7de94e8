"""What the three tasks have in common as MONAI Label's: their labels, their options, and a word on keys that nobody knows."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.names import LONGEST_NAME
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
    """Return who sent a request: the log-in, else the name that a reader typed, else by what client an unnamed one came.

    What the stock clients call themselves (`client_id`) is nobody's name: everyone can send any.
    """
    typed = request.get("reader")
    named = request.get("user") or (" ".join(typed.split())[:LONGEST_NAME] if isinstance(typed, str) else "")
    if named:
        return str(named)
    return (
        "unnamed, via OHIF"
        if "restore_label_idx" in request
        else "unnamed, via Slicer"
        if "client_id" in request
        else ""
    )


def superseded(before: Iterable[Lesion], after: Iterable[Lesion], who: str) -> list[str]:
    """Return a sentence for each point of another reader that a request put elsewhere: stock clients cannot see it.

    Args:
        before: the study's lesions before the request.
        after: the same after it.
        who: sent it.
    """
    now = {lesion.id: lesion for lesion in after}
    return [
        f"{one.id}: the point of {one.marked_by or 'an unnamed reader'}, {one.marked_at[:16]} UTC, "
        "counts no longer; it stays in the history"
        for one in before
        if one.id in now and now[one.id].center_mm != one.center_mm and one.marked_by != who
    ]


def passed_over(keys: Iterable[str]) -> list[str]:
    """Return a warning for each key of a request that nobody knows: it may be misspelt."""
    return [f"the key {key!r} is not known and was passed over" for key in keys]
