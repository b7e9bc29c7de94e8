"""The steps of the benchmark, each kept on disk when it is done: a run that is stopped goes on where it was."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.learning.corrected_pairs import StoredPair, study_of, track_errors
from lesion_tracker.files.whole import write_text
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.network.weights import CARD_FILE, WEIGHTS_FILE, load_tracker
from lesion_tracker.training.learning.fine_tuning import FineTuningSettings
from lesion_tracker.training.learning.learning import Learning, summary
from lesion_tracker.training.learning.publish import SHIPPED, ModelStore
from lesion_tracker.training.learning.taught import TaughtLesion
from lesion_tracker.training.learning.validation_inputs import ValidationPair
from lesion_tracker.training.run.progress import ProgressFile


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """Return what a JSON file says; where it is not there yet, make it."""
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(made), path)
    return json.loads(path.read_text(encoding="utf-8"))


def errors_of(tracker: Tracker, pairs: Sequence[StoredPair], folder: Path) -> dict[str, list[float]]:
    """Return the errors of some weights on each pair in mm, by the pair's name; `folder` keeps them."""
    return {pair.name: kept(folder / f"{pair.name}.json", lambda: track_errors(tracker, pair)) for pair in pairs}  # noqa: B023


@dataclass(frozen=True, eq=False)
class Run:
    """What the trainer of the server runs on a set of corrections.

    Args:
        place: of its files.
        weights: folder of the published weights; they are copied.
        parent: the same, loaded.
        settings: of fine-tuning.
        pairs: their studies.
        validation: the shipped inputs.
    """

    place: Path
    weights: Path
    parent: Tracker
    settings: FineTuningSettings
    pairs: Sequence[StoredPair]
    validation: Sequence[ValidationPair]

    def outcome(self, corrected: Sequence[TaughtLesion]) -> dict[str, Any]:
        """Return what the run led to, with its seconds on the clock and of the processor."""
        return dict(kept(self.place / "outcome.json", lambda: self._learn(corrected)))

    def tracker(self, version: str) -> Tracker:
        """Load the weights that the run led to."""
        return load_tracker(ModelStore(self.place / "model").folder_of(version), str(self.parent.device))

    def _learn(self, corrected: Sequence[TaughtLesion]) -> dict[str, Any]:
        store = ModelStore(self.place / "model")
        shutil.rmtree(store.folder, ignore_errors=True)
        store.folder.mkdir(parents=True)
        for file in (WEIGHTS_FILE, CARD_FILE):
            shutil.copy(self.weights / file, store.folder / file)
        folder = self.place / "training"
        progress = ProgressFile(folder / "train_stats.json")
        run = Learning(store, self.parent, SHIPPED, self.settings, self.validation, folder, progress)
        clock, processor = time.monotonic(), time.process_time()
        outcome = run.run(corrected, lambda study: study_of(self.pairs, study))
        return {
            **summary(outcome),
            "steps": progress.now.total_epochs,
            "seconds": round(time.monotonic() - clock),
            "processor_seconds": round(time.process_time() - processor),
        }
