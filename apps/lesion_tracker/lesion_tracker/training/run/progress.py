"""How far a training is: a small file that the server reads while another process trains."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lesion_tracker.files.whole import write_text


@dataclass(frozen=True)
class Progress:
    """What the viewers' progress bars read, in MONAI Label's words.

    Args:
        stage: what is being done, a few words.
        epoch: steps done, of all trainings of the run.
        total_epochs: steps in all.
        best_metric: share of the tested lesions within 10 mm, in [0, 1]; 0 until they are tested.
        total_time: seconds of the whole run once it has ended, else 0.
        result: what the gate said, once the run has ended.
    """

    stage: str
    epoch: int = 0
    total_epochs: int = 1
    best_metric: float = 0.0
    total_time: int = 0
    result: str = ""


class ProgressFile:
    """Writes a run's progress; a reader sees the last whole state.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now = Progress("starting")

    def update(self, **changes: Any) -> None:
        """Change some of it; a disk that is full costs the progress bar, not the training."""
        self.now = replace(self.now, **changes)
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(json.dumps(asdict(self.now)), self._path)


def read_progress(path: Path) -> dict[str, Any]:
    """Return the last state of a run, or {} where there is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
