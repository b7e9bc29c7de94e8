"""The published network, loaded once and again when new weights are published."""

import logging
import threading
from pathlib import Path

import torch

from lib.errors import WeightsError
from lib.network.tracker import Tracker
from lib.network.weights import load_tracker

logger = logging.getLogger(__name__)


class PublishedTracker:
    """The network of a folder of published weights.

    Args:
        folder: where weights and their card are published.
        device: "auto", "cpu" or "cuda[:n]".
    """

    def __init__(self, folder: Path, device: str) -> None:
        self._folder = folder
        self._device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] | None = None
        self._tracker: Tracker | None = None
        self._problem = ""

    def get(self) -> tuple[Tracker | None, str]:
        """Return the network, or None and the reason why there is none (not published, torn)."""
        with self._lock:
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._load()
            return self._tracker, self._problem

    def _state(self) -> tuple[object, ...]:
        files = sorted(self._folder.glob("*")) if self._folder.is_dir() else []
        return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)

    def _load(self) -> None:
        try:
            self._tracker, self._problem = load_tracker(self._folder, self._device), ""
            logger.info("loaded the published weights of %s on %s", self._folder, self._device)
        except WeightsError as error:
            self._tracker, self._problem = None, str(error)
            logger.info("no weights: %s", error)
