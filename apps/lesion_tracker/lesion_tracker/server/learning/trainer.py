"""The trainer of track_lesion: learns from corrections in a process of its own, and lets the gate decide."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monailabel.interfaces.tasks.train import TrainTask

from lesion_tracker.errors import InputError, LesionTrackerError, NoMemory, PacsError, StudyError, WeightsError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.viewers.options import Option, option_number, option_text, shown_options
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.training.learning.fine_tuning import FineTuningSettings
from lesion_tracker.training.learning.learning import Learning, require_enough, summary
from lesion_tracker.training.learning.taught import TaughtLesion, collect_taught
from lesion_tracker.training.learning.validation_inputs import FILE_NAME, read_inputs
from lesion_tracker.training.run.progress import ProgressFile, read_progress
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

DEFAULTS = FineTuningSettings()
OPTIONS: dict[str, Option] = {
    "steps": str(DEFAULTS.steps),
    "minutes": f"{DEFAULTS.minutes:g}",
    "learning_rate": f"{DEFAULTS.learning_rate:g}",
    "seed": str(DEFAULTS.seed),
    "device": ("auto", "cpu", "cuda"),
}
RANGES = {"steps": (1.0, 1e5), "minutes": (0.1, 1440.0), "learning_rate": (1e-7, 1e-2), "seed": (0.0, 2.0**31 - 1.0)}
NICENESS = 10
SERVER = "server"
"""The key of a request that names the process of the server."""


@dataclass(frozen=True)
class Places:
    """Where training reads and writes.

    Args:
        run: folder of its working files and its progress.
        validation: folder of the shipped validation inputs.
    """

    run: Path
    validation: Path

    @property
    def progress(self) -> Path:
        """The file of its progress."""
        return self.run / "train_stats.json"


class LesionTrainer(TrainTask):
    """Fine-tunes the published weights on corrections and accepted tracks.

    Args:
        catalog: the studies.
        marks: corrections and accepted tracks.
        engine: reads studies, and knows the published weights.
        bound: keeps marks to the volumes that they were made on.
        places: of its files.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine, bound: BoundMarks, places: Places) -> None:
        super().__init__("Learn from corrections and accepted tracks; published only if better on unseen patients")
        self._catalog, self._marks, self._engine, self._places = catalog, marks, engine, places
        self._bound = bound

    def config(self) -> dict[str, Any]:
        """Return the options that the viewers show."""
        return shown_options(OPTIONS)

    def stats(self) -> dict[str, Any]:
        """Return how far the last training is, for the progress bars."""
        return read_progress(self._places.progress)

    def prepare(self, request: Mapping[str, Any]) -> None:
        """Refuse what could not be trained before a process is started, and forget the last run's progress.

        Raises:
            InputError: for an option that cannot be, too few corrections, or a folder that is not writable.
            WeightsError: without published weights.
        """
        settings_of(request)
        taught, left_out = self.taught()
        for sentence in left_out:
            logger.info("nothing to learn from %s", sentence)
        require_enough(taught)
        self._engine.published.store.require_writable()
        _require_weights(self._engine)
        ProgressFile(self._places.progress).update(stage="starting")

    def taught(self) -> tuple[list[TaughtLesion], list[str]]:
        """Return what readers taught, and sentences for what is left out."""
        studies = self._catalog.studies()
        for study in studies:
            with suppress(StudyError, PacsError):  # reading it for training says why
                self._bound.settle(study, fetch=False)
        patients = {study.id: study.patient_id for study in studies}
        return collect_taught(self._marks, patients.get)

    def __call__(self, request: Mapping[str, Any], datastore: Any) -> dict[str, Any]:
        """Train, in the process that MONAI Label started for it.

        Args:
            request: options; others are passed over.
            datastore: not used; the task has its own.

        Returns:
            The new version, whether it was published, and why.

        Raises:
            LesionTrackerError: why nothing was learnt; the progress says it, too.
        """
        os.nice(NICENESS)
        settings = settings_of(request)
        torch.set_num_threads(settings.threads)
        progress = ProgressFile(self._places.progress)
        alive = end_with(request.get(SERVER))
        try:
            alive()
            progress.update(stage="starting")
            taught, _ = self.taught()
            parent, version = _require_weights(self._engine)
            validation = read_inputs(self._places.validation / FILE_NAME)
            run = Learning(
                self._engine.published.store,
                parent,
                version,
                settings,
                validation,
                self._places.run,
                progress,
                alive,
            )
            return summary(run.run(taught, self._volume))
        except LesionTrackerError as error:
            progress.update(stage="refused", total_time=1, result=str(error))
            raise
        except torch.OutOfMemoryError as error:
            reason = "the GPU has not enough free memory for training beside tracking: train with device cpu"
            progress.update(stage="refused", total_time=1, result=reason)
            raise NoMemory(reason) from error

    def _volume(self, study_id: str) -> Volume:
        return self._engine.read(self._catalog.fetch(self._catalog.study(study_id)))


def settings_of(request: Mapping[str, Any]) -> FineTuningSettings:
    """Return the settings that a request asks for.

    Raises:
        InputError: for a value that cannot be.
    """
    found = {name: option_number(request, name, OPTIONS, *RANGES[name]) for name in RANGES}
    return FineTuningSettings(
        steps=round(found["steps"] or DEFAULTS.steps),
        minutes=found["minutes"] or DEFAULTS.minutes,
        learning_rate=found["learning_rate"] or DEFAULTS.learning_rate,
        seed=round(found["seed"] or 0),
        device=option_text(request, "device", OPTIONS),
        threads=max(1, (os.cpu_count() or 1) // 2) if (os.cpu_count() or 1) > 2 else os.cpu_count() or 1,
    )


def end_with(server: object) -> Callable[[], None]:
    """Return a check that ends the training when the server that started it is gone.

    Args:
        server: its process id; None where nobody started a process for it.
    """

    def check() -> None:
        if server is not None and server not in (os.getppid(), os.getpid()):
            raise InputError("the server that started this training is gone; nothing was published")

    return check


def _require_weights(engine: Engine) -> Any:
    tracker, version, problem = engine.published.with_version()
    if tracker is None:
        raise WeightsError(f"training starts from published weights: {problem}")
    return tracker, version
