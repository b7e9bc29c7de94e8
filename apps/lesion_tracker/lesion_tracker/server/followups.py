"""One follow-up, for a viewer's request and the page's job alike: whence its lesions, passed on or tracked, and kept."""

from collections.abc import Sequence

from lesion_tracker.files.plain_json import plain_json
from lesion_tracker.readers.inside import is_inside, require_inside
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import natural_order
from lesion_tracker.readers.sources import Source, passed_on_from, same_place, sources_of
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.server.engine import Engine
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.options import TrackOptions


class Followups:
    """Finds lesions in follow-ups.

    Args:
        catalog: the studies.
        marks: where lesions are kept, and tracks will be.
        engine: reads, registers and tracks.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine) -> None:
        self._catalog, self._marks, self._engine = catalog, marks, engine

    def sources(self, followup: Study, baseline_id: str = "", given: Sequence[Lesion] = ()) -> list[Source]:
        """Return what a follow-up is tracked from, the newest study first.

        Args:
            followup: the later study.
            baseline_id: track from this study; "": each lesion from the newest earlier study with its point.
            given: these lesions of the baseline instead of those that are marked there.

        Raises:
            InputError: if there is nothing to track from; the text says what to do.
        """
        return sources_of(self._catalog, self._marks, followup, baseline_id, given, self._contains)

    def track(
        self, sources: Sequence[Source], followup: Study, options: TrackOptions | None = None
    ) -> tuple[list[Track], dict[str, float]]:
        """Find the lesions of all sources in a follow-up and keep their tracks, all or none.

        Points of a series of the same study and frame of reference are passed on as they are.

        Args:
            sources: at least one.
            followup: where the lesions are looked for.
            options: what is asked for; None: the server's defaults.

        Returns:
            The tracks, and the seconds per stage over all sources.

        Raises:
            PointOutsideError: for a lesion that lies outside of its own study.
            LesionTrackerError: as `Engine.track`.
        """
        for source in sources:
            require_inside(source.lesions, self._engine.volume(source.study).grid, source.study.id)
        tracks: list[Track] = []
        seconds: dict[str, float] = {}
        for source in sources:
            if same_place(self._catalog, source.study, followup):
                tracks += passed_on_from(source, followup, self._contains)
                continue
            found, stages = self._engine.track(source.study, followup, source.lesions, options)
            tracks += [_plain(track) for track in found]
            seconds |= {name: round(seconds.get(name, 0.0) + spent, 3) for name, spent in stages.items()}
        if len(sources) > 1:
            tracks.sort(key=lambda track: natural_order(track.lesion_id))
        self._marks.add_tracks(followup.id, tracks)
        return tracks, seconds

    def _contains(self, study: Study, lesion: Lesion) -> bool:
        return is_inside(lesion, self._engine.volume(study).grid)


def _plain(track: Track) -> Track:
    """Return a track whose numbers can be written as JSON: a quality that is not a number becomes null."""
    return track.with_changes(registration=plain_json(track.registration), model=plain_json(track.model))
