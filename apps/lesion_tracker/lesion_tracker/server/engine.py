"""What all tasks compute with: studies in memory, computed registrations, the published network."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lesion_tracker.errors import WeightsError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.method import METHODS
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.registration.register import register
from lesion_tracker.server.published_tracker import PublishedTracker
from lesion_tracker.server.volume_cache import VolumeCache
from lesion_tracker.settings import Settings
from lesion_tracker.studies.reading import Reading
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.track import track
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

MIB = 1024 * 1024


class Engine:
    """Reads, registers and tracks; safe for several requests at once.

    Requests for the same pair of studies wait for each other, so that a pair is registered once.

    Args:
        settings: of the server.
        cache_dir: folder of computed registrations.
        model_dir: folder of published weights.
        fetch: brings a study's files to its path; None: they are there.
        guard: reads a path (first) with the given function while nobody can remove it; None: nobody would.
    """

    def __init__(
        self,
        settings: Settings,
        cache_dir: Path,
        model_dir: Path,
        fetch: Callable[[Study], Path] | None = None,
        guard: Callable[[Path, Callable[[Path], Volume]], Volume] | None = None,
    ) -> None:
        self.read = Reading(any_modality=settings.any_modality, reformats=settings.reformats).volume
        self._fetch = fetch
        self.volumes = VolumeCache(
            settings.volumes_mb * MIB, self.read if guard is None else lambda path: guard(path, self.read)
        )
        self.cache_dir = cache_dir
        self._registrations = RegistrationCache(cache_dir, settings.registrations_mb * MIB)
        self.published = PublishedTracker(model_dir, settings.device)
        self._method = settings.method
        self._pairs: dict[tuple[str, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def volume(self, study: Study) -> Volume:
        """Return the volume of a study.

        Raises:
            StudyError: if its file is no usable CT volume.
            PacsError: if it cannot be fetched.
        """
        if self._fetch is None:
            return self.volumes.get(study.path)
        try:
            return self.volumes.get(self._fetch(study))
        except FileNotFoundError:  # another server made room in the cache in this moment
            return self.volumes.get(self._fetch(study))

    def track(
        self, baseline: Study, followup: Study, lesions: Sequence[Lesion], method: str | None
    ) -> tuple[list[Track], dict[str, float]]:
        """Find the lesions of the baseline in the follow-up.

        Args:
            baseline: where the lesions are marked.
            followup: where they are looked for.
            lesions: centres in LPS mm of the baseline.
            method: None: the server's default.

        Returns:
            One track per lesion, in the same order, and seconds per stage; "waiting" is for another request, or for the
            registration that marking started, of the same pair.

        Raises:
            StudyError, PointOutsideError, RegistrationFailed, WeightsError: as `lesion_tracker.tracking.track.track`.
        """
        start = time.perf_counter()
        pair = Pair(self.volume(baseline), self.volume(followup), baseline.id, followup.id)
        loaded = time.perf_counter()
        model, problem = self.published.get()
        method = method or self._method
        if METHODS[method].needs_weights and model is None:
            raise WeightsError(
                f"method {method!r} needs weights, and there are none to use: {problem}; use 'auto' or a registration method"
            )
        with self._one_at_a_time(baseline, followup):
            waited = time.perf_counter() - loaded
            tracks = track(pair, lesions, method, model=model, cache=self._registrations)
        if METHODS[method].network == "fused" and model is None:
            tracks = [one.with_changes(note=f"{one.note} ({problem})") for one in tracks]
        seconds = {"load": loaded - start, "waiting": waited, **_shared(tracks), "total": time.perf_counter() - start}
        return tracks, {stage: round(value, 3) for stage, value in seconds.items()}

    def register(self, baseline: Study, followup: Study) -> None:
        """Compute and keep the registration that the default method will ask for.

        Raises:
            StudyError, RegistrationFailed: as `lesion_tracker.registration.register.register`.
        """
        method = METHODS[self._method].registration
        with self._one_at_a_time(baseline, followup):
            register(self.volume(baseline), self.volume(followup), method, cache=self._registrations)

    def _one_at_a_time(self, baseline: Study, followup: Study) -> threading.Lock:
        with self._lock:
            return self._pairs.setdefault((str(baseline.path), str(followup.path)), threading.Lock())


def _shared(tracks: Sequence[Track]) -> dict[str, float]:
    """Return the seconds per stage that the tracks name; each stage is the longest of any lesion's."""
    stages = {stage for track in tracks for stage in track.seconds if stage not in ("load", "total")}
    return {stage: max(track.seconds.get(stage, 0.0) for track in tracks) for stage in sorted(stages)}
