"""Marks stay with the volume that they were made on: which one a study's id stands for is looked at whenever it is read."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.volumes_of import LeftBehind
from lesion_tracker.server.engine import Engine
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.fingerprint import fingerprint_of
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

ADOPTED = (
    "the points of {} were stored before it was kept on which volume they are: they count for the one that is there now"
)
"""Said once."""


class BoundMarks:
    """Knows which volume each study's marks are on; a fingerprint is taken once a file, and never while a mark waits.

    Args:
        marks: where marks and fingerprints are kept.
        engine: reads studies.
    """

    def __init__(self, marks: MarkStore, engine: Engine) -> None:
        self._marks, self._engine = marks, engine
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="fingerprints")
        self._taking: dict[str, tuple[str, Future[None]]] = {}
        self._adopted: set[str] = set()
        self._lock = threading.Lock()

    def remember(self, study: Study, volume: Volume, on: str) -> None:
        """Take the fingerprint of a volume beside the requests: points were just set on it.

        Args:
            study: whose.
            volume: as it was read.
            on: its stamp.
        """
        if self._marks.volumes(study.id).current != on:
            with self._lock:
                self._taking[study.id] = on, self._pool.submit(self._bind, study.id, volume, on)

    def before_marking(self, study: Study, on: str) -> list[str]:
        """Return what `settle` says where a study's file has changed since; nothing is waited for where it has not."""
        with self._lock:
            taken, _ = self._taking.get(study.id, ("", None))
        return self.settle(study) if {taken, self._marks.volumes(study.id).current} - {"", on} else []

    def settle(self, study: Study, *, fetch: bool = True) -> list[str]:
        """Find out which volume a study's id stands for now, before its marks are used, and never within a transaction.

        Args:
            study: the study.
            fetch: bring its files from a PACS; without, what is not there is not looked at.

        Returns:
            What a reader should know: marks that are on another volume, marks of which nobody had kept it.

        Raises:
            StudyError: if its file is no usable CT volume.
            PacsError: if it cannot be fetched.
        """
        self._marks.require_no_transaction()
        with self._lock:
            _, taking = self._taking.pop(study.id, ("", None))
        wait([taking] if taking else [])  # where it failed, it is taken again here
        if self._marks.has_records(study.id):
            on = self._engine.stamp(study, fetch=fetch)
            if on and on != self._marks.volumes(study.id).current:
                volume, on = self._engine.stamped(study)
                self._bind(study.id, volume, on)
        with self._lock:
            notes = [ADOPTED.format(study.id)] if study.id in self._adopted else []
            self._adopted.discard(study.id)
        notes += said_of(study.id, self._marks.left_behind(study.id))
        return [*notes, *_fates_left(study.id, FateStore(self._marks).left_behind(study.id))]

    def former(self, study: Study, on: str) -> Volume | None:
        """Return what a study's file held when it had a stamp, if that is still in memory."""
        stamps = [on, *self._marks.volumes(study.id).stamps_like(on)]
        kept = (self._engine.volumes.kept(study.path, stamp) for stamp in stamps)
        return next((volume for volume in kept if volume is not None), None)

    def _bind(self, study_id: str, volume: Volume, on: str) -> None:
        if self._marks.bind(study_id, on, fingerprint_of(volume)):
            logger.info(ADOPTED.format(study_id))
            with self._lock:
                self._adopted.add(study_id)


def said_of(study_id: str, left: Sequence[LeftBehind]) -> list[str]:
    """Return a sentence for each volume on which points of a study were left behind; nothing where there are none."""
    by_difference: dict[str, list[str]] = {}
    for one in left:
        by_difference.setdefault(one.difference, []).append(one.lesion.id)
    return [
        f"{', '.join(names)} of {study_id}: marked in another volume than its file holds now ({difference}); they do not "
        f"count: mark them again, or carry them over: track_lesion with {study_id} as image and as baseline_image"
        for difference, names in by_difference.items()
    ]


def _fates_left(study_id: str, left: Mapping[str, str]) -> list[str]:
    """Return a sentence on what became of lesions on a volume that a study does not hold any more; nothing without any."""
    names, how = ", ".join(left), "; ".join(dict.fromkeys(left.values()))
    said = f"{names} of {study_id}: what became of them was said of another volume than its file holds now ({how})"
    return [f"{said}; it does not count: look again"] if left else []
