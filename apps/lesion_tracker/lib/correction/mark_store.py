"""The store of what readers marked, what was tracked and what readers corrected, per study, with its history."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock

from lib.correction.history import History
from lib.correction.records import Correction
from lib.errors import InputError
from lib.tracking.records import Lesion, Track

TAGS = ("lesions", "tracks", "corrections")
"""The folders of the store, one tag each, below the labels of a datastore."""


class MarkStore:
    """Lesions, tracks and corrections of every study, each kept with everything that it was before.

    A study's records lie in `<folder>/<tag>/<study id>.jsonl`. The current state is derived from the history:
    of each lesion the last mark, of each lesion in a follow-up the last track, of each track the last correction.

    Args:
        folder: the labels folder of a datastore.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread_lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def mark(self, study_id: str, lesions: Sequence[Lesion]) -> list[Lesion]:
        """Add marks; a second mark of the same id updates it, and no lesions change nothing.

        A lesion keeps its tracking_uid over updates, and takes it over from a track of the same id in this study.

        Args:
            study_id: the study that was marked.
            lesions: marks in LPS mm of that study.

        Returns:
            All current marks of the study.
        """
        with self._transaction():
            before = {lesion.id: lesion for lesion in self.lesions(study_id)}
            uids = {track.lesion_id: track.tracking_uid for track in self.tracks(study_id)}
            changed = []
            for lesion in lesions:
                known = before.get(lesion.id)
                uid = known.tracking_uid if known else uids.get(lesion.id) or f"2.25.{uuid.uuid4().int}"
                marked = replace(lesion, study_id=study_id, tracking_uid=uid, marked_at=lesion.marked_at or now())
                if known is None or not _same_mark(known, marked):
                    changed.append(marked)
            self._history("lesions", study_id).append([{"lesion": lesion.to_json()} for lesion in changed])
        return self.lesions(study_id)

    def lesions(self, study_id: str) -> list[Lesion]:
        """Return the current marks of a study, in the order in which they were first marked."""
        entries = self._history("lesions", study_id).entries()
        return list({lesion.id: lesion for lesion in (Lesion.from_json(e["lesion"]) for e in entries)}.values())

    def add_tracks(self, study_id: str, tracks: Sequence[Track]) -> None:
        """Keep tracks that end in the study `study_id`."""
        with self._transaction():
            self._history("tracks", study_id).append([{"track": track.to_json()} for track in tracks])

    def tracks(self, study_id: str) -> list[Track]:
        """Return the last track of each lesion in a study."""
        entries = self._history("tracks", study_id).entries()
        return list({track.lesion_id: track for track in (Track.from_json(e["track"]) for e in entries)}.values())

    def correct(self, study_id: str, corrections: Sequence[Correction]) -> list[Correction]:
        """Add corrections; one that repeats the last one of its lesion changes nothing.

        Returns:
            All current corrections of the study.
        """
        with self._transaction():
            before = {correction.track.lesion_id: correction for correction in self.corrections(study_id)}
            changed = [
                replace(correction, corrected_at=correction.corrected_at or now())
                for correction in corrections
                if not _same_correction(before.get(correction.track.lesion_id), correction)
            ]
            self._history("corrections", study_id).append([{"correction": c.to_json()} for c in changed])
        return self.corrections(study_id)

    def corrections(self, study_id: str) -> list[Correction]:
        """Return the last correction of each lesion in a study."""
        entries = self._history("corrections", study_id).entries()
        read = (Correction.from_json(e["correction"]) for e in entries)
        return list({correction.track.lesion_id: correction for correction in read}.values())

    def studies(self, tag: str) -> set[str]:
        """Return the ids of all studies with records of one tag: "lesions", "tracks" or "corrections"."""
        return {path.name.removesuffix(".jsonl") for path in (self._folder / tag).glob("*.jsonl")}

    def has_records(self, study_id: str) -> bool:
        """Say whether anything is kept for a study."""
        return any(self._path(tag, study_id).exists() for tag in TAGS)

    def retire(self, study_id: str) -> None:
        """Set a removed study's records aside: they stay on disk, but no longer count."""
        with self._transaction():
            for tag in TAGS:
                path = self._path(tag, study_id)
                if path.exists():
                    path.rename(path.with_name(f"{path.name}.removed-{now().replace(':', '')}"))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Read, decide and write as one step, against other threads and other processes."""
        with self._thread_lock, FileLock(self._folder / ".marks.lock"):
            yield

    def _history(self, tag: str, study_id: str) -> History:
        return History(self._path(tag, study_id), self._folder / ".history.lock")

    def _path(self, tag: str, study_id: str) -> Path:
        if not study_id or study_id in (".", "..") or any(mark in study_id for mark in ("/", "\\", "\0")):
            raise InputError(f"{study_id!r} is no study id")
        return self._folder / tag / f"{study_id}.jsonl"


def now() -> str:
    """Return the time of this moment, ISO 8601 in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _same_mark(known: Lesion, marked: Lesion) -> bool:
    return replace(known, marked_at="", marked_by="") == replace(marked, marked_at="", marked_by="")


def _same_correction(known: Correction | None, correction: Correction) -> bool:
    return (
        known is not None
        and known.center_mm == correction.center_mm
        and known.track.created_at == correction.track.created_at
    )
