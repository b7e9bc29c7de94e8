"""The review of one patient: what the page shows, and what a reader's click does."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lesion_tracker.errors import Changed, InputError, NotFound
from lesion_tracker.readers.inside import require_inside
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import Deleted, Row, deleted_of, rows_of
from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.requests import Accept, Move, OnLesion, Rename
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import order_or_guess

NEW_RADIUS_MM = 5.0
"""Of a lesion that has no point in any other study."""


@dataclass(frozen=True)
class PatientReview:
    """A patient as the review page shows it.

    Args:
        patient_id: who.
        studies: earliest first.
        order_note: why their order is only a guess, or "".
        rows: the lesions.
        deleted: the deleted ones.
    """

    patient_id: str
    studies: tuple[Study, ...]
    order_note: str
    rows: tuple[Row, ...]
    deleted: tuple[Deleted, ...]

    @property
    def open_count(self) -> int:
        """Number of tracked points that no reader has looked at."""
        return sum(cell.is_open for row in self.rows for cell in row.cells.values())

    def row(self, lesion_id: str) -> Row:
        """Return a lesion's row.

        Raises:
            NotFound: for an unknown lesion.
        """
        for row in self.rows:
            if row.lesion_id == lesion_id:
                return row
        raise NotFound(f"patient {self.patient_id!r} has no lesion {lesion_id!r}")


class Review:
    """Reads and changes what is known about patients' lesions.

    Args:
        catalog: the studies.
        marks: where lesions, tracks and corrections are kept.
        engine: reads studies.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine) -> None:
        self._catalog, self._marks, self._engine = catalog, marks, engine

    def patients(self) -> tuple[list[PatientReview], list[Study]]:
        """Return all patients in the order of their ids, and the studies of which nobody knows whose they are."""
        by_patient: dict[str, list[Study]] = {}
        for study in self._catalog.studies():
            by_patient.setdefault(study.patient_id, []).append(study)
        unknown = by_patient.pop("", [])
        return [self._of(name, by_patient[name]) for name in sorted(by_patient)], unknown

    def patient(self, patient_id: str) -> PatientReview:
        """Return one patient.

        Raises:
            NotFound: for an unknown patient.
        """
        studies = self._catalog.of_patient(patient_id)
        if not studies:
            raise NotFound(f"no study of patient {patient_id!r} is known to this server")
        return self._of(patient_id, studies)

    def accept(self, request: Accept, reader: str) -> str:
        """Keep that a tracked point is right; returns what was done."""
        self._require_seen(request.study, request.lesion, request.track)
        self._marks.accept(self._catalog.study(request.study).id, [request.lesion], reader)
        return f"{request.lesion} accepted"

    def move(self, request: Move, reader: str) -> str:
        """Keep where a reader put a point; returns what was done."""
        study = self._catalog.study(request.study)
        self._require_seen(study.id, request.lesion, request.track)
        point = Lesion(request.lesion, request.center_mm, NEW_RADIUS_MM, marked_by=reader, patient_id=study.patient_id)
        require_inside([point], self._engine.volume(study).grid, study.id)
        track = next((t for t in self._marks.tracks(study.id) if t.lesion_id == request.lesion), None)
        if track is not None:
            self._marks.correct(study.id, [Correction(track, request.center_mm, reader)])
            return f"{request.lesion} corrected, {math.dist(request.center_mm, track.center_mm):.1f} mm"
        self._marks.mark(study.id, [self._like_known(point, study)])
        return f"{request.lesion} marked"

    def undo(self, request: OnLesion, reader: str) -> str:
        """Take back what was done last to a lesion, in each of the named studies; returns what was taken back."""
        done = {self._marks.undo(study_id, request.lesion, reader) for study_id in self._studies(request)}
        return f"{request.lesion}: taken back ({', '.join(sorted(done))})"

    def delete(self, request: OnLesion, reader: str) -> list[str]:
        """Delete a lesion in the studies that have it; returns them."""
        changed = self._with_lesion(request)
        for study_id in changed:
            self._marks.delete(study_id, request.lesion, reader)
        return changed

    def restore(self, request: OnLesion, reader: str) -> list[str]:
        """Bring a deleted lesion back in the studies in which it was deleted; returns them."""
        changed = [name for name in self._studies(request) if request.lesion in self._marks.records(name).deleted()]
        if not changed:
            raise InputError(f"{request.lesion!r} is not deleted in any of these studies: there is nothing to restore")
        for study_id in changed:
            self._marks.restore(study_id, request.lesion, reader)
        return changed

    def rename(self, request: Rename, reader: str) -> list[str]:
        """Give a lesion another name in all studies that have it; returns them."""
        row = self.patient(request.patient).row(request.lesion)
        others = [other for other in self.patient(request.patient).rows if other.lesion_id != row.lesion_id]
        name = " ".join(request.label.split())
        if any(name in (other.label, other.lesion_id) for other in others):
            raise InputError(f"another lesion of this patient is called {name!r} already")
        changed = self._with_lesion(request)
        for study_id in changed:
            self._marks.rename(study_id, request.lesion, request.label, reader)
        return changed

    def _of(self, patient_id: str, studies: Sequence[Study]) -> PatientReview:
        in_order, note = order_or_guess(studies)
        records: Mapping[str, StudyRecords] = {study.id: self._marks.records(study.id) for study in in_order}
        names = [study.id for study in in_order]
        rows, deleted = rows_of(names, records), deleted_of(names, records)
        return PatientReview(patient_id, tuple(in_order), note, tuple(rows), tuple(deleted))

    def _require_seen(self, study_id: str, lesion_id: str, created_at: str) -> None:
        """Refuse an answer to a track that is no longer the last one."""
        track = next((t for t in self._marks.tracks(study_id) if t.lesion_id == lesion_id), None)
        if (track.created_at if track else "") != created_at:
            raise Changed(f"{lesion_id} in {study_id} has changed since this page was loaded: load it again and look")

    def _like_known(self, point: Lesion, study: Study) -> Lesion:
        """Return a new mark with the radius, name and tracking_uid that the lesion has in the patient's other studies."""
        if not study.patient_id:
            return point
        row = next((r for r in self.patient(study.patient_id).rows if r.lesion_id == point.id), None)
        if row is None:
            return point
        near = row.cells.get(study.id) or list(row.cells.values())[-1]
        return Lesion(
            id=point.id,
            center_mm=point.center_mm,
            radius_mm=near.radius_mm,
            label=row.label,
            tracking_uid=near.tracking_uid,
            patient_id=study.patient_id,
            marked_by=point.marked_by,
            radius_source="estimated",
        )

    def _studies(self, request: OnLesion) -> list[str]:
        names = [study.id for study in self.patient(request.patient).studies]
        foreign = [name for name in request.studies if name not in names]
        if foreign:
            raise InputError(f"{', '.join(foreign)} is no study of patient {request.patient!r}")
        return [name for name in names if not request.studies or name in request.studies]

    def _with_lesion(self, request: OnLesion) -> list[str]:
        names = self._studies(request)
        having = [name for name in names if request.lesion in self._marks.records(name).lesion_ids()]
        if not having:
            raise NotFound(f"patient {request.patient!r} has no lesion {request.lesion!r}")
        return having
