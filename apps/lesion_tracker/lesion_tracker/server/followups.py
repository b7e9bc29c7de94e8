"""One follow-up, for a viewer's request and the page's job alike: whence its lesions, passed on or tracked, and kept."""

from collections.abc import Sequence

import numpy as np

from lesion_tracker.errors import InputError
from lesion_tracker.files.plain_json import plain_json
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import natural_order
from lesion_tracker.readers.sources import Former, Known, Source, passed_on_from, same_place, sources_of
from lesion_tracker.records.derived import at_same_voxel
from lesion_tracker.records.json_record import triple
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.request_pool import require_wanted
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.volumes.fingerprint import canonical
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.inside import is_inside, require_inside


class Followups:
    """Finds lesions in follow-ups.

    Args:
        catalog: the studies.
        marks: where lesions are kept, and tracks will be.
        engine: reads, registers and tracks.
        bound: keeps marks to the volumes that they were made on.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine, bound: BoundMarks) -> None:
        self._catalog, self._marks, self._engine, self._bound = catalog, marks, engine, bound

    def sources(
        self,
        followup: Study,
        baseline_id: str = "",
        given: Sequence[Lesion] = (),
        *,
        any_pair: bool = True,
        backward: bool = False,
    ) -> list[Source]:
        """Return what a follow-up is tracked from, the newest study first.

        Args:
            followup: the later study.
            baseline_id: track from this study; "": each lesion from the newest earlier study with its point. The follow-up
                itself: what was marked on another volume that its file held before.
            given: these lesions of the baseline instead of those that are marked there.
            any_pair: whoever names a baseline means it, also one of another patient or a later one; its notes then say so.
            backward: a named baseline that is the later study is what was asked for.

        Raises:
            InputError: if there is nothing to track from; the text says what to do.
        """
        said = self._bound.settle(followup)
        if baseline_id == followup.id:
            return self._left_behind(followup)
        world = Known(self._catalog, self._marks, self._contains, self._bound.settle)
        found = sources_of(world, followup, baseline_id, given, any_pair=any_pair, backward=backward)
        if (opened := self._opened(followup)) != followup:  # what its files say of the person was not known before
            found = sources_of(world, opened, baseline_id, given, any_pair=any_pair, backward=backward)
        first, *others = [world.with_between(source, followup) for source in found]
        return [first.noted(said), *others]

    def track(
        self, sources: Sequence[Source], followup: Study, options: TrackOptions | None = None
    ) -> tuple[list[Track], dict[str, float]]:
        """Find the lesions of all sources in a follow-up and keep their tracks, all or none.

        Points of a series of the same study and frame of reference are passed on as they are. A lesion that a reader deletes
        meanwhile stays deleted.

        Args:
            sources: at least one.
            followup: where the lesions are looked for.
            options: what is asked for; None: the server's defaults.

        Returns:
            The tracks that are kept, and the seconds per stage over all sources.

        Raises:
            PointOutsideError: for a lesion that lies outside of its own study.
            LesionTrackerError: as `Engine.track`.
        """
        for source in sources:
            grid = source.former.grid if source.former else self._engine.volume(source.study).grid
            require_inside(source.lesions, grid, source.study.id)
        before = self._deleted(sources, followup)
        volume, on = self._engine.stamped(followup)
        tracks: list[Track] = []
        seconds: dict[str, float] = {}
        for source in sources:
            require_wanted()
            found, stages = self._tracked(source, followup, volume.grid, options)
            tracks += [source.told(track) for track in found]
            seconds |= {name: round(seconds.get(name, 0.0) + spent, 3) for name, spent in stages.items()}
        if len(sources) > 1:
            tracks.sort(key=lambda track: natural_order(track.lesion_id))
        require_wanted()
        with self._marks.transaction():
            gone = {lesion for _, lesion in self._deleted(sources, followup) - before}
            tracks = [track for track in tracks if track.lesion_id not in gone]
            self._marks.add_tracks(followup.id, tracks, on)
        self._bound.remember(followup, volume, on)
        return tracks, seconds

    def _opened(self, study: Study) -> Study:
        """Return what is known of a study once its files are there: a PACS's lists leave out issuer, birth date or sex."""
        if all((study.issuer, study.birth_date, study.sex)):
            return study
        self._catalog.fetch(study)
        return self._catalog.study(study.id)

    def _tracked(
        self, source: Source, followup: Study, now: Grid, options: TrackOptions | None
    ) -> tuple[list[Track], dict[str, float]]:
        """Return the tracks of one source, passed on or tracked, and the seconds per stage."""
        if source.former is not None and source.former.volume is None:
            return _at_same_voxels(source, source.former.grid, now), {}
        if source.former is None and same_place(self._catalog, source.study, followup):
            return passed_on_from(source, followup, self._contains), {}
        former = source.former.volume if source.former else None
        found, stages = self._engine.track(source.study, followup, source.lesions, options, source.notes, former)
        return [_plain(track) for track in found], stages

    def _deleted(self, sources: Sequence[Source], followup: Study) -> set[tuple[str, str]]:
        """Return what is deleted in a follow-up and in the studies that it is tracked from: study and lesion."""
        names = {followup.id, *(source.study.id for source in sources)}
        return {(name, lesion) for name in names for lesion in self._marks.records(name).deleted()}

    def _left_behind(self, study: Study) -> list[Source]:
        """Return what was marked on volumes that a study's file held before, as far as it can be carried over.

        Raises:
            InputError: if there is nothing of that kind, or nothing of it can be.
        """
        left = self._marks.left_behind(study.id)
        if not left:
            raise InputError(f"baseline_image and image are the same study, {study.id!r}")
        volumes = self._marks.volumes(study.id)
        sources, lost = [], []
        for on in dict.fromkeys(one.on for one in left):
            lesions = [one.lesion for one in left if one.on == on]
            before, now = volumes.by_stamp.get(on), volumes.by_stamp[volumes.current]
            old = self._bound.former(study, on)
            if before is not None and before.voxels == now.voxels:
                sources.append(Source(study, lesions, former=Former(before.grid)))
            elif old is not None:
                note = f"marked in another volume than {study.id} holds now, which was registered with it"
                sources.append(Source(study, lesions, [note], Former(old.grid, old)))
            else:
                lost += [lesion.id for lesion in lesions]
        said = f"{', '.join(lost)} of {study.id}: the volume on which they were marked is no longer in memory: mark them again"
        if not sources:
            raise InputError(said)
        return [sources[0].noted([said] if lost else []), *sources[1:]]

    def _contains(self, study: Study, lesion: Lesion) -> bool:
        return is_inside(lesion, self._engine.volume(study).grid)


def _at_same_voxels(source: Source, before: Grid, now: Grid) -> list[Track]:
    """Return the lesions of a study where their voxels lie since its header was corrected.

    Args:
        source: the study, with lesions in LPS mm by its former header.
        before: where the voxels lay, in any orientation.
        now: where they lie.
    """
    was, is_ = canonical(before), canonical(now)
    points = np.array([lesion.center_mm for lesion in source.lesions])
    moved = is_.lps_from_indices(was.indices_from_lps(points))
    return [
        at_same_voxel(lesion, source.study.id, triple(point))
        for lesion, point in zip(source.lesions, moved, strict=True)
    ]


def _plain(track: Track) -> Track:
    """Return a track whose numbers can be written as JSON: a quality that is not a number becomes null."""
    return track.with_changes(registration=plain_json(track.registration), model=plain_json(track.model))
