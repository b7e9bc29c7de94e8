"""What is stored of a patient, and measured of it: the studies, each once, with what readers said."""

from contextlib import suppress
from pathlib import Path

from lesion_tracker.errors import NotFound, PacsError, StudyError
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.size_store import SizeStore
from lesion_tracker.report.dicom_results import DicomResults, dicom_results
from lesion_tracker.report.known_patient import KnownPatient, patient_result, study_result
from lesion_tracker.report.patient_results import PatientResult, StudyResult
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import order_or_guess


class Results:
    """Measures patients.

    Args:
        catalog: the studies.
        marks: what readers marked, what was tracked; what became of lesions lies beside it.
        engine: reads studies.
        bound: keeps marks to the volumes that they were made on.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine, bound: BoundMarks) -> None:
        self._catalog, self._marks, self._engine, self._bound = catalog, marks, engine, bound
        self._fates, self._sizes = FateStore(marks), SizeStore(marks)

    def patient(self, patient_id: str) -> PatientResult:
        """Return all that is known of a patient, measured.

        Raises:
            NotFound: for an unknown patient, or one without lesions.
        """
        known = self._known(patient_id)
        if not known.graph.lesions:
            raise NotFound(f"patient {patient_id!r} has no lesion: mark one first")
        return patient_result(known, self._engine.volume)

    def study(self, study: Study) -> StudyResult:
        """Return what is known in one study, measured.

        Raises:
            NotFound: for a study of nobody knows whom.
        """
        known = self._known(study.patient_id, study)
        return study_result(known, study, self._engine.volume)

    def path(self, study: Study) -> Path:
        """Return where a study's files lie; what lies on a PACS is fetched."""
        return self._catalog.fetch(study)

    def dicom(self, study: Study, reader: str, *, confirmed: bool = False) -> DicomResults:
        """Return a study's results as DICOM; see `lesion_tracker.report.dicom_results`."""
        result = self.study(study)
        return dicom_results(self.path(study), result, reader, confirmed=confirmed)

    def known(self, study: Study) -> KnownPatient:
        """Return what is stored of a study's patient, with that very series among the studies."""
        return self._known(study.patient_id, study)

    def patients(self) -> list[str]:
        """Return the ids of all patients."""
        return sorted({study.patient_id for study in self._catalog.studies()} - {""})

    def stored(self, patient_id: str) -> KnownPatient:
        """Return what is stored of a patient; nothing is fetched from a PACS for it.

        Raises:
            NotFound: for an unknown patient.
        """
        return self._known(patient_id, fetch=False)

    def _known(self, patient_id: str, but: Study | None = None, *, fetch: bool = True) -> KnownPatient:
        studies = self._catalog.of_patient(patient_id)
        if not studies:
            raise NotFound(f"no study of patient {patient_id!r} is known to this server")
        in_order, _ = order_or_guess(_one_each(studies, self._marks.in_use() | ({but.id} if but else set())))
        for study in in_order:
            with suppress(StudyError, PacsError):  # whoever reads it is told why it cannot be read
                self._bound.settle(study, fetch=fetch)
        records = {study.id: self._marks.records(study.id) for study in in_order}
        fates = {study.id: self._fates.of_study(study.id) for study in in_order}
        drawn = {study.id: self._sizes.said(study.id) for study in in_order}
        return KnownPatient(patient_id, in_order, records, fates, drawn)


def _one_each(studies: list[Study], used: set[str]) -> list[Study]:
    """Return the series with marks or tracks; of a study without such its first: nobody has looked at the others."""
    groups: dict[str, list[Study]] = {}
    for study in studies:
        groups.setdefault(study.study_uid or study.id, []).append(study)
    return [one for group in groups.values() for one in ([s for s in group if s.id in used] or group[:1])]
