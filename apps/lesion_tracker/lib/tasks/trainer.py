"""The trainer of track_lesion: listed, so that clients know of it, and refused until training exists."""

from typing import Any

from fastapi import HTTPException
from monailabel.interfaces.tasks.train import TrainTask

REASON = (
    "training from the viewers is not there yet: marks, tracks and corrections are kept with their history, and a "
    "later version trains from them; nothing was started"
)


class LesionTrainer(TrainTask):
    """Stands for training in the server's info."""

    def __init__(self) -> None:
        super().__init__("Train the tracker from corrections (not there yet)")

    def __call__(self, request: Any, datastore: Any) -> dict[str, Any]:
        """Refuse.

        Raises:
            HTTPException: 409 with the reason, always.
        """
        raise HTTPException(409, detail=REASON)
