"""What all tasks compute with: studies in memory, computed registrations, the published network."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import StudyError
from lesion_tracker.files.disk_cache import retried
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.method import METHODS
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.register import register, register_round, remembered, remembered_round
from lesion_tracker.server.published_tracker import PublishedTracker
from lesion_tracker.server.request_pool import require_wanted
from lesion_tracker.server.volume_cache import VolumeCache, digest_of
from lesion_tracker.settings import Settings
from lesion_tracker.studies.reading import Reading
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.session import session
from lesion_tracker.volumes.read_files import stamps_of
from lesion_tracker.volumes.unchanged import Stamp
from lesion_tracker.volumes.volume import Volume

MIB = 1024 * 1024


def reading(settings: Settings) -> Reading:
    """Return what the operator of a server accepts."""
    return Reading(any_modality=settings.any_modality, reformats=settings.reformats, volume_mb=settings.volume_mb)


class Engine:
    """Reads, registers and tracks; safe for several requests at once.

    A pair that several requests ask for is registered once: the others wait for it.

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
        self.read = reading(settings).volume
        self._fetch = fetch
        self.volumes = VolumeCache(
            settings.volumes_mb * MIB, self.read if guard is None else lambda path: guard(path, self.read)
        )
        self.cache_dir = cache_dir
        self._registrations = RegistrationCache(cache_dir, settings.registrations_mb * MIB)
        self.published = PublishedTracker(model_dir, settings.device)
        self.options = TrackOptions(method=settings.method)
        self._problems: dict[str, tuple[tuple[Stamp, ...], str]] = {}

    def volume(self, study: Study) -> Volume:
        """Return the volume of a study.

        Raises:
            StudyError: if its file is no usable CT volume.
            PacsError: if it cannot be fetched.
        """
        return self.stamped(study)[0]

    def stamped(self, study: Study) -> tuple[Volume, str]:
        """Return the volume of a study, as `volume`, and the stamp of its files, by which marks are bound to it."""
        require_wanted()
        fetch = self._fetch
        if fetch is None:
            try:
                return self.volumes.stamped(study.path)
            except FileNotFoundError:
                raise StudyError(f"the file of study {study.id!r} was removed meanwhile: load the page again") from None
        return retried(lambda: self.volumes.stamped(fetch(study)))

    def stamp(self, study: Study, *, fetch: bool = True) -> str:
        """Return the stamp of a study's files without reading them; "" where they are not there.

        Args:
            study: the study.
            fetch: bring them first where they lie on a PACS.
        """
        path = self._fetch(study) if self._fetch is not None and fetch else study.path
        try:
            return digest_of(stamps_of(path))
        except OSError:
            return ""

    def problem(self, study: Study) -> str:
        """Return why a study cannot be read, "" where it can; what lies on a PACS is not fetched for that.

        Reading is no waste: who asks for it is about to open the study.
        """
        if self._fetch is not None:
            return ""
        try:
            seen = stamps_of(study.path)
            known = self._problems.get(study.id)
            if known is None or known[0] != seen:
                self._problems[study.id] = seen, self._why_not(study)
            return self._problems[study.id][1]
        except OSError as error:
            return str(error)

    def _why_not(self, study: Study) -> str:
        try:
            self.volume(study)
        except StudyError as error:
            return str(error)
        return ""

    def track(
        self,
        baseline: Study,
        followup: Study,
        lesions: Sequence[Lesion],
        options: TrackOptions | None = None,
        notes: Sequence[str] = (),
        former: Volume | None = None,
    ) -> tuple[list[Track], dict[str, float]]:
        """Find the lesions of the baseline in the follow-up.

        Args:
            baseline: where the lesions are marked.
            followup: where they are looked for.
            lesions: centres in LPS mm of the baseline.
            options: what is asked for; None: the server's defaults.
            notes: what a reader should know of the pair; in every track.
            former: what the baseline's file held when the lesions were marked; None: what it holds now.

        Returns:
            One track per lesion, in the same order, and seconds per stage, as `lesion_tracker.tracking.session.Tracked`.

        Raises:
            StudyError, PointOutsideError, RegistrationFailed, WeightsError: as `lesion_tracker.tracking.session.session`.
        """

        def opened() -> tuple[Pair, Sequence[Lesion]]:
            before = self.volume(baseline) if former is None else former
            pair = Pair(before, self.volume(followup), baseline.id, followup.id, tuple(notes))
            require_wanted()  # registration comes next
            return pair, lesions

        done = session(
            opened,
            options or self.options,
            published=self.published.get,
            cache=self._registrations,
            going_on=require_wanted,
        )
        return done.tracks, done.seconds

    def point_map(
        self, baseline: Study, followup: Study, near_mm: PointMm, *, compute: bool
    ) -> FollowupFromBaseline | None:
        """Return the point map of a pair, the best that is kept; None where none is and none is to be computed.

        Args:
            baseline: where the points are.
            followup: where they are mapped to.
            near_mm: LPS mm of the baseline; a method that registers round lesions keeps a map of what lies round it.
            compute: the default method's map where it is not kept.

        Raises:
            StudyError, RegistrationFailed: as `lesion_tracker.registration.register.register`.
        """
        one, other = self.volume(baseline), self.volume(followup)
        method, kept = METHODS[self.options.method], self._registrations
        for name in filter(None, (method.refined, "" if method.local else method.registration)):
            if found := remembered(one, other, name, kept):
                return found
        if method.local and (found := remembered_round(one, other, near_mm, kept, self.published.registers_on)):
            return found
        if not compute:
            return remembered(one, other, "affine", kept)
        whole = register(one, other, method.registration, kept)
        if not method.local:
            return whole
        return register_round(one, other, whole, near_mm, kept, self.published.registers_on)

    def register(self, baseline: Study, followup: Study, places_mm: Sequence[PointMm] = ()) -> None:
        """Compute and keep the registrations that the default method will ask for.

        Args:
            baseline: where lesions are marked.
            followup: where they will be looked for.
            places_mm: LPS mm of the baseline; a method that registers round lesions does so round these.

        Raises:
            StudyError, RegistrationFailed: as `lesion_tracker.registration.register.register`.
        """
        one, other, kept = self.volume(baseline), self.volume(followup), self._registrations
        method = METHODS[self.options.method]
        whole = register(one, other, method.registration, kept)
        for place in places_mm if method.local else ():
            register_round(one, other, whole, place, kept, self.published.registers_on)
