"""The store of what readers marked, what was tracked and what readers answered, per study, with its history."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from lesion_tracker.errors import FileFormatError, InputError, NotFound
from lesion_tracker.readers.history import History
from lesion_tracker.readers.lines import (
    action_line,
    again,
    line_on,
    now,
    require_own,
    same_correction,
    same_mark,
)
from lesion_tracker.readers.one_step import append_all, take_back
from lesion_tracker.readers.record_cache import RecordCache, state_of
from lesion_tracker.readers.replay import PLACE, MarkState, place_of
from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.readers.volumes_of import UNKNOWN, LeftBehind, VolumesOf, replay_volumes
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.derived import accepted
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.names import clean_name
from lesion_tracker.records.state import STATES
from lesion_tracker.records.track import Track
from lesion_tracker.volumes.fingerprint import Fingerprint

logger = logging.getLogger(__name__)

TAGS = ("lesions", "tracks", "corrections")
"""The folders of the store, one tag each, below the labels of a datastore."""

FATES_TAG = "fates"
"""Beside these: what became of the lesions (`lesion_tracker.readers.fate_store`)."""

SIZES_TAG = "measurements"
"""And what was measured of them at a reader's request (`lesion_tracker.readers.size_store`)."""

VOLUMES = "volumes"
"""The folder beside them that says which volumes the studies' ids stood for."""

LONGEST_ID = 240
"""Bytes; a file's name has at most 255."""


class MarkStore:
    """Lesions, tracks and corrections of every study, each kept with everything that it was before.

    A study's records lie in `<folder>/<tag>/<study id>.jsonl`. The current state is derived from the history:
    of each lesion the last mark, of each lesion in a follow-up the last track, of each track the last correction.
    What a reader corrected or accepted in a follow-up is a lesion of that study, with the same id and tracking_uid.
    What was set on another volume than the id stands for now does not count; `left_behind` returns it.
    A line stands behind all others about its study by its number, whatever a clock says; what is done to several studies
    at once counts whole or not at all.

    Args:
        folder: the labels folder of a datastore.
        is_there: says whether a study is there; it is asked under the lock of each change. None: all are.
    """

    def __init__(self, folder: Path, is_there: Callable[[str], bool] | None = None) -> None:
        self._folder = folder
        self._thread_lock = threading.RLock()
        self._depth = 0
        self._cache = RecordCache()
        self._is_there = is_there
        self._said: set[str] = set()
        self._present: dict[str, tuple[object, str | None, frozenset[str]]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        with self.transaction():
            pass  # takes back what a crash left half done

    def mark(self, study_id: str, lesions: Sequence[Lesion], on: str = UNKNOWN) -> list[Lesion]:
        """Add marks; a second mark of the same id updates it, and no lesions change nothing.

        A lesion keeps its tracking_uid and its name over updates, and takes both over from a track of the same id in
        this study, or from what was left behind; a new one keeps the tracking_uid that it comes with, or gets one.

        Args:
            study_id: the study that was marked.
            lesions: marks in LPS mm of that study.
            on: stamp of the volume on which they were set.

        Returns:
            All current lesions of the study.
        """
        with self.transaction():
            records = self.records(study_id)
            before = {lesion.id: lesion for lesion in records.lesions()}
            tracks = {track.lesion_id: track for track in records.tracks()}
            left = {one.lesion.id: one.lesion.tracking_uid for one in self.left_behind(study_id)}
            changed = []
            for sent in lesions:
                known = before.get(sent.id) or tracks.get(sent.id)
                lesion = sent if known else replace(sent, id=clean_name(sent.id), label=clean_name(sent.label))
                uid = (known.tracking_uid if known else "") or lesion.tracking_uid or left.get(lesion.id)
                name = known.label if known and known.label and lesion.label == lesion.id else lesion.label
                marked = replace(
                    lesion,
                    study_id=study_id,
                    tracking_uid=uid or f"2.25.{uuid.uuid4().int}",
                    label=name,
                    marked_at=lesion.marked_at or now(),
                )
                if not isinstance(known, Lesion) or not same_mark(known, marked):
                    changed.append(marked)
            self._add(study_id, lesions=[{"lesion": lesion.to_json(), **line_on(on)} for lesion in changed])
        return self.lesions(study_id)

    def records(self, study_id: str) -> StudyRecords:
        """Return everything that is known about a study's lesions, as it is now."""
        return self._records(study_id, self.volumes(study_id).holds)

    def volumes(self, study_id: str) -> VolumesOf:
        """Return which volumes a study's id has stood for."""
        history = self.history(VOLUMES, study_id)
        return self._cache.get(history, lambda one: replay_volumes(one.entries(), one.path.name))

    def bind(self, study_id: str, on: str, volume: Fingerprint) -> bool:
        """Keep that a study's id stands for a volume now; what was stored before volumes were told apart counts for it.

        Args:
            study_id: the study.
            on: stamp of the files that were read.
            volume: what they hold.

        Returns:
            Whether there was something of before, which is a reader's to know.
        """
        with self.transaction():
            known = self.volumes(study_id)
            before = UNKNOWN not in known.by_stamp and self._records(study_id, lambda _: True).is_unbound()
            stamps = [on, UNKNOWN] if before else [on]
            if known.current != on or before:
                entry = {"volume": volume.to_json(), "on": stamps, "at": now()}
                self.history(VOLUMES, study_id).append([entry])
        return before

    def has_records(self, study_id: str) -> bool:
        """Say whether anything was ever stored about a study's lesions."""
        return any(self._path(tag, study_id).exists() for tag in TAGS)

    def left_behind(self, study_id: str) -> list[LeftBehind]:
        """Return the points that readers set on another volume than the id stands for now, and have not set again."""
        volumes = self.volumes(study_id)
        former = self._records(study_id, lambda on: not volumes.holds(on))
        present = self.records(study_id).lesion_ids()
        lesions = [lesion for lesion in former.lesions() if lesion.id not in present]
        stamps = {lesion.id: former.stamp_of(lesion.id) for lesion in lesions}
        return [LeftBehind(one, stamps[one.id], volumes.difference(stamps[one.id])) for one in lesions]

    def lesions(self, study_id: str) -> list[Lesion]:
        """Return the current lesions of a study: marks, and what readers corrected or accepted there."""
        return self.records(study_id).lesions()

    def add_tracks(self, study_id: str, tracks: Sequence[Track], on: str = UNKNOWN) -> None:
        """Keep tracks that end in the study `study_id`, on the volume of a stamp; a deleted lesion counts again there."""
        with self.transaction():
            deleted = set(self.records(study_id).deleted())
            back = [track.lesion_id for track in tracks if track.lesion_id in deleted]
            self._add(
                study_id,
                tracks=[{"track": track.to_json(), **line_on(on)} for track in tracks],
                lesions=[{**action_line("restore", name, ""), **line_on(on)} for name in back],
            )

    def add_failures(self, study_id: str, lesion_ids: Sequence[str], reason: str) -> None:
        """Keep why lesions could not be tracked into a study."""
        failures = [Failure(name, reason, now()) for name in lesion_ids]
        with self.transaction():
            self._add(study_id, tracks=[{"failure": failure.to_json()} for failure in failures])

    def close(self, study_id: str, lesion_id: str, closing: str, by: str) -> None:
        """Keep that a reader closed a lesion in a study without a point.

        Args:
            study_id: where.
            lesion_id: a lesion of the patient; the study need not have it.
            closing: a name of `lesion_tracker.records.state.CLOSINGS`.
            by: the reader.
        """
        with self.transaction():
            self._add(study_id, lesions=[self._action(study_id, "close", lesion_id, by, **{"as": closing})])

    def tracks(self, study_id: str) -> list[Track]:
        """Return the last track of each lesion in a study."""
        return self.records(study_id).tracks()

    def correct(self, study_id: str, corrections: Sequence[Correction], on: str = UNKNOWN) -> list[Correction]:
        """Add corrections; one that repeats the last one of its lesion changes nothing.

        Args:
            study_id: the follow-up.
            corrections: readers' answers to tracks.
            on: stamp of the volume on which the points were set; "": those that the tracks end in.

        Returns:
            All current corrections of the study.
        """
        with self.transaction():
            records = self.records(study_id)
            before = {correction.track.lesion_id: correction for correction in records.corrections()}
            changed = [
                replace(correction, corrected_at=correction.corrected_at or now())
                for correction in corrections
                if not same_correction(before.get(correction.track.lesion_id), correction)
            ]
            entries = [(answer, on or records.stamp_of_track(answer.track.lesion_id)) for answer in changed]
            self._add(study_id, corrections=[{"correction": one.to_json(), **line_on(stamp)} for one, stamp in entries])
        return self.corrections(study_id)

    def corrections(self, study_id: str) -> list[Correction]:
        """Return the last correction (or acceptance) of each lesion in a study."""
        return self.records(study_id).corrections()

    def accept(self, study_id: str, lesion_ids: Sequence[str], by: str) -> list[Correction]:
        """Keep that a reader found tracked points right.

        Args:
            study_id: the follow-up.
            lesion_ids: lesions that were tracked there.
            by: the reader.

        Returns:
            All current corrections of the study.

        Raises:
            InputError: for a lesion that was not tracked there, or that has no point there; nothing is kept then.
        """
        with self.transaction():
            tracks = {track.lesion_id: track for track in self.tracks(study_id)}
            for name in lesion_ids:
                if name not in tracks:
                    raise InputError(f"{name} has not been tracked in study {study_id!r}: there is no point to accept")
                if not tracks[name].has_point:
                    raise InputError(
                        f"{name} in study {study_id!r} is {STATES[tracks[name].state].words}, so there is no point to "
                        "accept; if it is visible there, click it"
                    )
            chosen = [tracks[name] for name in lesion_ids]
            return self.correct(study_id, [accepted(track, by) for track in chosen])

    def rename(self, study_ids: Sequence[str], lesion_id: str, label: str, by: str) -> None:
        """Give a lesion another name in studies; its id and tracking_uid stay.

        Raises:
            InputError: for what cannot be a name, or a lesion that one of the studies does not have; nothing is kept then.
        """
        self._act(study_ids, "rename", lesion_id, by, label=clean_name(label))

    def delete(self, study_ids: Sequence[str], lesion_id: str, by: str) -> None:
        """Let a lesion of studies count no longer; `restore` and `undo` bring it back.

        Raises:
            InputError: for a lesion that one of the studies does not have; nothing is kept then.
        """
        self._act(study_ids, "delete", lesion_id, by)

    def restore(self, study_ids: Sequence[str], lesion_id: str, by: str) -> None:
        """Let a deleted lesion count again, with all that was known of it.

        Raises:
            InputError: for a lesion that is not deleted in one of the studies; nothing is kept then.
        """
        with self.transaction():
            for study_id in study_ids:
                if lesion_id not in self.records(study_id).deleted():
                    raise InputError(f"{lesion_id!r} is not deleted in study {study_id!r}: there is nothing to restore")
            self._add_to(
                [(study_id, "lesions", [self._action(study_id, "restore", lesion_id, by)]) for study_id in study_ids]
            )

    def undo(
        self, study_ids: Sequence[str], lesion_id: str, by: str, actions: Mapping[str, str] | None = None
    ) -> list[str]:
        """Take back the last thing that was done to a lesion in studies, if it was this reader; the history keeps both.

        Args:
            study_ids: in which studies.
            lesion_id: the lesion.
            by: the reader.
            actions: what is taken back, by study, as `StudyRecords.action` names it; None: whatever was last.

        Returns:
            What was taken back in each: "mark", "rename", "delete", "restore", "close", "corrected" or "accepted".

        Raises:
            InputError: if there is nothing to take back in one of the studies; nothing is kept then.
            Changed: if the last step in one of them is another reader's, or not the one that is named; nor then.
        """
        with self.transaction():
            lines, done = [], []
            for study_id in study_ids:
                records = self.records(study_id)
                last = records.last_action(lesion_id)
                if last is None:
                    raise InputError(
                        f"nobody has done anything to {lesion_id!r} in study {study_id!r}: nothing to undo"
                    )
                if isinstance(last, MarkState):
                    tag, whose, what = "lesions", last.by, last.what
                else:
                    tag, whose, what = "corrections", last.corrected_by, last.verdict
                if actions is not None and records.action(lesion_id) != actions.get(study_id):
                    raise records.changed(lesion_id)
                require_own(whose, by, f"step on {lesion_id!r} in study {study_id!r} ({what})")
                lines.append((study_id, tag, [self._action(study_id, "undo", lesion_id, by)]))
                done.append(what)
            self._add_to(lines)
        return done

    def redo(self, actions: Mapping[str, str], lesion_id: str, by: str) -> list[str]:
        """Do again what a reader has taken back, where nothing was done since.

        Args:
            actions: the undo, by study, as `Step.action` names it.
            lesion_id: the lesion.
            by: the reader.

        Returns:
            What was done again in each study.

        Raises:
            Changed: if the last step in one of the studies is not that undo, or is another reader's; nothing is kept then.
        """
        with self.transaction():
            lines, done = [], []
            for study_id, action in actions.items():
                records = self.records(study_id)
                last = next((one for one in reversed(records.steps(lesion_id)) if one.tag != "tracks"), None)
                if last is None or last.action != action or last.who != by or last.taken_back is None:
                    raise records.changed(lesion_id)
                former = last.taken_back
                lines.append((study_id, former.tag, [again(former.said, self.volumes(study_id).current)]))
                done.append(former.what)
            self._add_to(lines)
        return done

    def studies(self, tag: str) -> set[str]:
        """Return the ids of all studies with records of one tag: "lesions", "tracks" or "corrections"."""
        present = {"lesions": ("lesions", "corrections")}.get(tag, (tag,))
        names = {
            path.name.removesuffix(".jsonl") for other in present for path in (self._folder / other).glob("*.jsonl")
        }
        return {name for name in names if tag in self._known(name)[1]}

    def damaged(self) -> dict[str, str]:
        """Return why the records of some studies cannot be read, by study: the file, its line, and what to do.

        They count as nothing in lists over all studies; whoever asks for such a study itself is told.
        """
        names = {path.name.removesuffix(".jsonl") for tag in TAGS for path in (self._folder / tag).glob("*.jsonl")}
        return {name: text for name in sorted(names) if (text := self._known(name)[0]) is not None}

    def _known(self, study_id: str) -> tuple[str | None, frozenset[str]]:
        """Return why a study's records cannot be read, and under which tags there are some; looked at anew as files change."""
        state = [state_of(self._path(tag, study_id)) for tag in (*TAGS, VOLUMES)]
        known = self._present.get(study_id)
        if known is None or known[0] != state:
            try:
                records = self.records(study_id)
                records.read()
                known = state, None, frozenset(tag for tag in TAGS if getattr(records, tag)())
            except FileFormatError as error:
                known = state, str(error), frozenset()
            self._present[study_id] = known
            if known[1] is not None and known[1] not in self._said:
                self._said.add(known[1])
                logger.error("the marks of one study cannot be read, the others can: %s", known[1])
        return known[1:]

    def in_use(self) -> set[str]:
        """Return the ids of all studies with marks or tracks."""
        return self.studies("lesions") | self.studies("tracks")

    def retire(self, study_id: str) -> None:
        """Set a removed study's records aside: they stay on disk, but no longer count."""
        with self.transaction():
            for tag in (*TAGS, FATES_TAG, SIZES_TAG, VOLUMES):
                path = self._path(tag, study_id)
                if path.exists():
                    path.rename(path.with_name(f"{path.name}.removed-{now().replace(':', '')}"))

    def _records(self, study_id: str, holds: Callable[[str], bool]) -> StudyRecords:
        histories = (self.history(tag, study_id) for tag in TAGS)
        return StudyRecords(study_id, *histories, cache=self._cache, holds=holds)

    def _act(self, study_ids: Sequence[str], action: str, lesion_id: str, by: str, **more: str) -> None:
        with self.transaction():
            for study_id in study_ids:
                if lesion_id not in self.records(study_id).lesion_ids():
                    raise InputError(f"there is no lesion {lesion_id!r} in study {study_id!r}")
            lines = [(study_id, [self._action(study_id, action, lesion_id, by, **more)]) for study_id in study_ids]
            self._add_to([(study_id, "lesions", own) for study_id, own in lines])

    def _add(self, study_id: str, **lines: Sequence[dict[str, Any]]) -> None:
        """Add lines about one study, by tag, within a transaction."""
        self._add_to([(study_id, tag, own) for tag, own in lines.items()])

    def _add_to(self, lines: Sequence[tuple[str, str, Sequence[dict[str, Any]]]]) -> None:
        """Add lines (study, tag, lines) as one step, each with its place behind all others about its study."""
        if not any(own for _, _, own in lines):
            return
        parts, last = [], {}
        for study_id, tag, own in lines:
            if self._is_there is not None and not self._is_there(study_id):
                raise NotFound(f"study {study_id!r} was removed meanwhile: nothing was stored")
            if study_id not in last:
                self.records(study_id).read()  # nothing is added behind what cannot be read
                last[study_id] = max(place_of(self.history(one, study_id).last(), "")[0] for one in TAGS)
            placed = [{PLACE: last[study_id] + number, **line} for number, line in enumerate(own, start=1)]
            last[study_id] += len(own)
            parts.append((self.history(tag, study_id), placed))
        append_all(parts, self._note)

    @property
    def _note(self) -> Path:
        return self._folder / ".step.json"

    def _action(self, study_id: str, action: str, lesion_id: str, by: str, **more: str) -> dict[str, str]:
        """Return the line of what a reader does to a lesion, on the volume that the study's id stands for."""
        return {**action_line(action, lesion_id, by, **more), **line_on(self.volumes(study_id).current)}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Read, decide and write as one step, against other threads and other processes; one may lie within another."""
        with self._thread_lock:
            if self._depth:
                yield
                return
            with FileLock(self._folder / ".marks.lock"):
                take_back(self._note)
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1

    def history(self, tag: str, study_id: str) -> History:
        """Return what was written about a study under a tag; write to it within a transaction."""
        return History(self._path(tag, study_id), self._folder / ".history.lock")

    def _path(self, tag: str, study_id: str) -> Path:
        if not study_id or study_id in (".", "..") or any(mark in study_id for mark in ("/", "\\", "\0")):
            raise InputError(f"{study_id!r} is no study id")
        if (
            len(study_id.encode(errors="replace")) > LONGEST_ID
            or study_id != study_id.encode(errors="replace").decode()
        ):
            raise InputError(f"{study_id[:60]!r}… is no study id: too long for a file's name, or no text")
        return self._folder / tag / f"{study_id}.jsonl"
