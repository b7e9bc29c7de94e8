"""The published network, loaded once and again when new weights are published or rolled back."""

import logging
import threading
from pathlib import Path

import torch

from lesion_tracker.errors import FileFormatError, WeightsError
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.network.weights import load_tracker
from lesion_tracker.tracking.judge import rules_of
from lesion_tracker.training.learning.publish import SHIPPED, ModelStore, Published
from lesion_tracker.volumes.unchanged import Stamp, stamp

logger = logging.getLogger(__name__)


class PublishedTracker:
    """The network of a folder of published weights.

    Where the published version cannot be read, the one published before it answers, and the log says so: a track always
    names the weights that made it.

    Args:
        folder: where weights and their card are published.
        device: "auto", "cpu" or "cuda[:n]".
    """

    def __init__(self, folder: Path, device: str) -> None:
        self.store = ModelStore(folder)
        self._device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] | None = None
        self._tracker: Tracker | None = None
        self._version = ""
        self._problem = ""
        self._pointer_problem = ""

    @property
    def registers_on(self) -> torch.device | None:
        """Where what lies round lesions is registered, as `track` has it; None: on the processor, by greedy."""
        return None if self._device == "cpu" else torch.device(self._device)

    def get(self) -> tuple[Tracker | None, str]:
        """Return the network, or None and the reason why there is none (not published, torn)."""
        tracker, _, problem = self.with_version()
        return tracker, problem

    def with_version(self) -> tuple[Tracker | None, str, str]:
        """Return the network, the version that it is, and the reason where there is none."""
        with self._lock:
            published = self._published()
            state = self._state(published)
            if state != self._seen:
                self._seen = state
                self._load(published)
            return self._tracker, self._version, self._problem

    def _published(self) -> Published:
        try:
            return self.store.published()
        except FileFormatError as error:
            if str(error) != self._pointer_problem:
                logger.error("the shipped weights answer: %s", error)
            self._pointer_problem = str(error)
            return Published()

    def _state(self, published: Published) -> tuple[object, ...]:
        folder = self.store.folder_of(published.version)
        files = [path for path in sorted(folder.glob("*")) if path.is_file()] if folder.is_dir() else []
        return published.version, *((file.name, *_stamp(file)) for file in files)

    def _load(self, published: Published) -> None:
        problems = []
        for version in dict.fromkeys((published.version, *reversed(published.before), SHIPPED)):
            folder = self.store.folder_of(version)
            try:
                self._tracker, self._version, self._problem = self._usable(folder), version, ""
            except WeightsError as error:
                problems.append(f"{version}: {error}")
                continue
            for problem in problems:
                logger.error("weights could not be loaded, older ones answer: %s", problem)
            logger.info("loaded the weights %s of %s on %s", version, self.store.folder, self._device)
            return
        self._tracker, self._version, self._problem = None, "", problems[0].removeprefix(f"{published.version}: ")
        logger.error("no weights, registration alone will answer: %s", self._problem)

    def _usable(self, folder: Path) -> Tracker:
        """Load weights; a calibration that this version cannot use is said now and not at each request.

        Raises:
            WeightsError: if they are not there, torn, or of another version.
        """
        tracker = load_tracker(folder, self._device)
        rules_of(tracker.card, tracker.sha256)
        return tracker


def _stamp(file: Path) -> Stamp:
    try:
        return stamp(file)
    except FileNotFoundError:  # replaced between listing and looking
        return 0, 0, 0
