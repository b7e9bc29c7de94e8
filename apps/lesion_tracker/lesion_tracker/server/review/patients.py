"""What the page shows of patients: all of them, or one, as their studies, marks and files stand now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from lesion_tracker.errors import FileFormatError, NotFound, PacsError, StudyError
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import deleted_of, rows_of
from lesion_tracker.readers.said_cells import with_fates
from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.patient_review import Note, PatientReview
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import order_or_guess


class Patients:
    """Reads what is known about patients' lesions.

    Args:
        catalog: the studies.
        marks: where lesions, tracks and corrections are kept.
        engine: reads studies.
        bound: keeps marks to the volumes that they were made on.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine, bound: BoundMarks) -> None:
        self._catalog, self._marks, self._engine, self._bound = catalog, marks, engine, bound
        self._fates = FateStore(marks)

    def patients(self) -> tuple[list[PatientReview], list[Study]]:
        """Return all patients in the order of their ids, and the studies of which nobody knows whose they are."""
        by_patient: dict[str, list[Study]] = {}
        for study in self._catalog.studies():
            by_patient.setdefault(study.patient_id, []).append(study)
        unknown = by_patient.pop("", [])
        damaged = self._marks.damaged()
        return [self._whole(name, by_patient[name], damaged) for name in sorted(by_patient)], unknown

    def patient(self, patient_id: str) -> PatientReview:
        """Return one patient.

        Raises:
            NotFound: for an unknown patient.
        """
        studies, notes = self._settled(patient_id)
        return replace(self._of(patient_id, studies), notes=notes)

    @contextmanager
    def changing(self, patient_id: str) -> Iterator[PatientReview]:
        """Yield a patient, for a change that counts before anybody else's; what may take long is done before the lock.

        Raises:
            NotFound: for an unknown patient.
        """
        studies, _ = self._settled(patient_id)
        with self._marks.transaction():
            yield self._of(patient_id, studies)

    def _settled(self, patient_id: str) -> tuple[list[Study], tuple[Note, ...]]:
        """Return a patient's studies, and what a reader should know of the volumes that their marks are on."""
        studies = self._catalog.of_patient(patient_id)
        if not studies:
            raise NotFound(f"no study of patient {patient_id!r} is known to this server")
        return studies, tuple(note for study in studies for note in self._notes(study))

    def _notes(self, study: Study) -> list[Note]:
        """Look whether a study's file changed; one that cannot be read has its pictures say why."""
        try:
            said = self._bound.settle(study, fetch=False)
        except (StudyError, PacsError):
            return []
        left_behind = bool(self._marks.left_behind(study.id))
        return [Note(study.id, text, left_behind) for text in said]

    def _whole(self, patient_id: str, studies: Sequence[Study], damaged: Mapping[str, str]) -> PatientReview:
        """Return a patient for the list of all; one of whom a file is damaged stands there with what to do."""
        texts = tuple(damaged[study.id] for study in studies if study.id in damaged)
        try:
            if not texts:
                return self._of(patient_id, studies)
        except FileFormatError as error:  # of what became of lesions, which the marks do not know
            texts = (str(error),)
        in_order, note = order_or_guess(studies)
        return PatientReview(patient_id, tuple(in_order), note, (), (), damaged=texts)

    def _of(self, patient_id: str, studies: Sequence[Study]) -> PatientReview:
        in_order, note = order_or_guess(studies)
        records: Mapping[str, StudyRecords] = {study.id: self._marks.records(study.id) for study in in_order}
        names = [study.id for study in in_order]
        fates = {name: self._fates.of_study(name) for name in names}
        rows, deleted = with_fates(rows_of(names, records), fates), deleted_of(names, records)
        return PatientReview(
            patient_id, tuple(in_order), note, tuple(rows), tuple(deleted), records=records, fates=fates
        )
