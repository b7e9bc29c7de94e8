"""A patient's response as pages show it: from what is stored; nothing is measured, and nothing fetched from a PACS."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lesion_tracker.errors import FileFormatError, PacsError, StudyError
from lesion_tracker.readers.cell_size import slice_distance_mm
from lesion_tracker.readers.fate_store import traits_said
from lesion_tracker.records.said import SaidTraits
from lesion_tracker.report.known_patient import stored_result
from lesion_tracker.report.patient_results import PatientResult
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.results.gather import Results
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.studies.study import Study

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShownPatient:
    """A patient.

    Args:
        result: the lesions in all studies, and the response.
        said: who said what of each lesion.
        unmeasured: number of points at which nobody has measured.
    """

    result: PatientResult
    said: dict[str, SaidTraits]
    unmeasured: int


class Shown:
    """Knows what is stored of patients.

    Args:
        results: knows patients and their studies.
        measuring: knows sizes.
        engine: reads how thick slices are, once a file.
    """

    def __init__(self, results: Results, measuring: Measuring, engine: Engine) -> None:
        self._results, self._measuring, self._engine = results, measuring, engine
        self.volume = engine.volume
        self._slices_mm: dict[str, float] = {}

    def patient(self, patient_id: str) -> ShownPatient:
        """Return a patient.

        Raises:
            NotFound: for an unknown patient.
        """
        known, measured = self._results.stored(patient_id), self._measuring.known(patient_id)
        slices_mm = {**dict(self._read(known.studies)), **measured.slices_mm}
        result = stored_result(known, measured.sizes, slices_mm)
        return ShownPatient(result, traits_said(known.fates.values()), len(measured.unmeasured))

    def every(self) -> tuple[list[PatientResult], list[str]]:
        """Return all patients with lesions, in the order of their ids, and the ids of those whose history is damaged.

        How thick slices are is not looked at: no category depends on it.
        """
        found, damaged = [], []
        for patient_id in self._results.patients():
            try:
                known, sizes = self._results.stored(patient_id), self._measuring.known(patient_id).sizes
                result = stored_result(known, sizes, {})
            except FileFormatError as error:
                logger.warning("a patient is left out of the waterfall: %s", error)
                damaged.append(patient_id)
                continue
            if result.lesions:
                found.append(result)
        return found, damaged

    def _read(self, studies: Sequence[Study]) -> Iterator[tuple[str, float]]:
        for study in studies:
            on = self._engine.stamp(study, fetch=False)
            if on and on not in self._slices_mm:
                try:
                    self._slices_mm[on] = slice_distance_mm(self._engine.volume(study).grid)
                except (StudyError, PacsError):  # its pictures say why; the response says that it is not known
                    continue
            if on:
                yield study.id, self._slices_mm[on]
