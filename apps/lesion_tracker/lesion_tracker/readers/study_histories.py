"""The histories of every study on disk: where they lie, what they say now, and how lines are added to them as one step."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from lesion_tracker.errors import FileFormatError, InputError, NotFound
from lesion_tracker.readers.history import History
from lesion_tracker.readers.lines import now
from lesion_tracker.readers.one_step import append_all, take_back
from lesion_tracker.readers.present import Present
from lesion_tracker.readers.record_cache import SHORT, RecordCache, state_of
from lesion_tracker.readers.said_line import PLACE, place_of
from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.readers.volumes_of import UNKNOWN, LeftBehind, VolumesOf, replay_volumes
from lesion_tracker.volumes.fingerprint import Fingerprint

logger = logging.getLogger(__name__)

Read = TypeVar("Read")
TAGS = ("lesions", "tracks", "corrections")
"""The folders of the store, one tag each, below the labels of a datastore."""

FATES_TAG = "fates"
"""Beside these: what became of the lesions (`lesion_tracker.readers.fate_store`)."""

SIZES_TAG = "measurements"
"""And what was measured of them at a reader's request (`lesion_tracker.readers.size_store`)."""

VOLUMES = "volumes"
"""The folder beside them that says which volumes the studies' ids stood for."""

PAUSE_S = 0.001
"""Between two studies that are read ahead: a request comes first."""

LONGEST_ID = 240
"""Bytes; a file's name has at most 255."""


class StudyHistories:
    """Lesions, tracks and corrections of every study, each kept with everything that it was before.

    A study's records lie in `<folder>/<tag>/<study id>.jsonl`. What was set on another volume than the id stands for now does
    not count; `left_behind` returns it. A line stands behind all others about its study by its number, whatever a clock says;
    what is done to several studies at once counts whole or not at all.

    Args:
        folder: the labels folder of a datastore.
        is_there: says whether a study is there; it is asked under the lock of each change. None: all are.
    """

    def __init__(self, folder: Path, is_there: Callable[[str], bool] | None = None) -> None:
        self._folder, self._lock_file = folder, folder / ".history.lock"
        self._paths: dict[tuple[str, str], Path] = {}
        self._thread_lock = threading.RLock()
        self._depth = self._holder = 0
        self._cache = RecordCache()
        self._is_there = is_there
        self._said: set[str] = set()
        self._present = Present(folder / SHORT / "present.json")
        folder.mkdir(parents=True, exist_ok=True)
        with self.transaction():
            pass  # takes back what a crash left half done

    def records(self, study_id: str) -> StudyRecords:
        """Return everything that is known about a study's lesions, as it is now."""
        return self._records(study_id, self.volumes(study_id).holds)

    def volumes(self, study_id: str) -> VolumesOf:
        """Return which volumes a study's id has stood for."""
        return self.read(VOLUMES, study_id, lambda one: replay_volumes(one.entries(), one.name))

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
            if self._is_there is not None and not self._is_there(study_id):
                return False  # removed while its fingerprint was taken: a study of the same name inherits nothing
            known = self.volumes(study_id)
            before = UNKNOWN not in known.by_stamp and self._records(study_id, lambda _: True).is_unbound()
            first = not known.current and self.has_records(study_id)  # what was said before any volume was known
            stamps = [on, UNKNOWN] if before or first else [on]
            if known.current != on or before:
                entry = {"volume": volume.to_json(), "on": stamps, "at": now()}
                self.history(VOLUMES, study_id).append([entry])
        return before

    def has_records(self, study_id: str) -> bool:
        """Say whether anything was ever stored about a study's lesions, which has to be on the volume that is there."""
        return any(self._path(tag, study_id).exists() for tag in (*TAGS, FATES_TAG, SIZES_TAG))

    def left_behind(self, study_id: str) -> list[LeftBehind]:
        """Return the points that readers set on another volume than the id stands for now, and have not set again."""
        volumes = self.volumes(study_id)
        former = self._records(study_id, lambda on: not volumes.holds(on))
        marked = former.lesions()
        present = self.records(study_id).lesion_ids() if marked else set()
        lesions = [lesion for lesion in marked if lesion.id not in present]
        stamps = {lesion.id: former.stamp_of(lesion.id) for lesion in lesions}
        return [LeftBehind(one, stamps[one.id], volumes.difference(stamps[one.id])) for one in lesions]

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
        return self._present.get(study_id, state, lambda: self._looked_at(study_id))

    def _looked_at(self, study_id: str) -> tuple[str | None, frozenset[str]]:
        try:
            records = self.records(study_id)
            records.read()
            return None, frozenset(tag for tag in TAGS if getattr(records, tag)())
        except FileFormatError as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                logger.error("the marks of one study cannot be read, the others can: %s", error)
            return str(error), frozenset()

    def in_use(self) -> set[str]:
        """Return the ids of all studies with marks or tracks."""
        found = self.studies("lesions") | self.studies("tracks")
        self._present.keep()
        return found

    def read_ahead(self) -> None:
        """Read the records of all studies, one after the other, so that the first page of all patients need not."""
        for name in sorted(self.in_use()):
            with suppress(FileFormatError):
                self.records(name).read()
            time.sleep(PAUSE_S)

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

    def _add(self, study_id: str, **lines: Sequence[dict[str, Any]]) -> None:
        """Add lines about one study, by tag, within a transaction."""
        self._add_to([(study_id, tag, own) for tag, own in lines.items()])

    def _add_to(self, lines: Sequence[tuple[str, str, Sequence[dict[str, Any]]]]) -> None:
        """Add lines (study, tag, lines) as one step, each with its place behind all others about its study."""
        if not any(own for _, _, own in lines):
            return
        parts, last = [], {}
        for study_id, tag, own in lines:
            self.require_there(study_id)
            if study_id not in last:
                self.records(study_id).read()  # nothing is added behind what cannot be read
                last[study_id] = self.last_line(study_id)
            placed = [{PLACE: last[study_id] + number, **line} for number, line in enumerate(own, start=1)]
            last[study_id] += len(own)
            parts.append((self.history(tag, study_id), placed))
        append_all(parts, self._note)

    def last_line(self, study_id: str) -> int:
        """Return the number of the last line about a study's lesions; 0 without one."""
        return max(place_of(self.history(one, study_id).last(), "")[0] for one in TAGS)

    def require_there(self, study_id: str) -> None:
        """Refuse to keep anything about a study that was removed; within the transaction that would keep it.

        Raises:
            NotFound: if it was.
        """
        if self._is_there is not None and not self._is_there(study_id):
            raise NotFound(f"study {study_id!r} was removed meanwhile: nothing was stored")

    @property
    def _note(self) -> Path:
        return self._folder / ".step.json"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Read, decide and write as one step, against other threads and other processes; one may lie within another."""
        with self._thread_lock:
            if self._depth:
                yield
                return
            with FileLock(self._folder / ".marks.lock"):
                take_back(self._note)
                self._depth, self._holder = 1, threading.get_ident()
                try:
                    yield
                finally:
                    self._depth = self._holder = 0

    def require_no_transaction(self) -> None:
        """Refuse to wait within a transaction of this thread: what is waited for may be waiting for its end.

        Raises:
            RuntimeError: within one, which is a fault of the program.
        """
        if self._holder == threading.get_ident():
            raise RuntimeError("nothing is waited for while the marks are locked: do it before the transaction")

    def read(self, tag: str, study_id: str, read: Callable[[History], Read]) -> Read:
        """Return what is read from a history of a study, anew only when its file has changed; nobody changes it."""
        return self._cache.get(self.history(tag, study_id), read)

    def history(self, tag: str, study_id: str) -> History:
        """Return what was written about a study under a tag; write to it within a transaction."""
        return History(self._path(tag, study_id), self._lock_file)

    def _path(self, tag: str, study_id: str) -> Path:
        """Return the file of a history; joining paths would be a third of the work on a list of 1,000 patients."""
        known = self._paths.get((tag, study_id))
        return known or self._paths.setdefault((tag, study_id), self._path_of(tag, study_id))

    def _path_of(self, tag: str, study_id: str) -> Path:
        if not study_id or study_id in (".", "..") or any(mark in study_id for mark in ("/", "\\", "\0")):
            raise InputError(f"{study_id!r} is no study id")
        if (
            len(study_id.encode(errors="replace")) > LONGEST_ID
            or study_id != study_id.encode(errors="replace").decode()
        ):
            raise InputError(f"{study_id[:60]!r}… is no study id: too long for a file's name, or no text")
        return self._folder / tag / f"{study_id}.jsonl"
