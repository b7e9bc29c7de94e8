"""The series of a patient on a PACS: those of other people with the same PatientID are told apart."""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.series import FIELDS, OF_PATIENT, PacsSeries, series_of
from lesion_tracker.pacs.series_state import MEMO_S
from lesion_tracker.studies.one_patient import other_person
from lesion_tracker.studies.study import Study

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timeline:
    """The series of one patient on a PACS.

    Args:
        series: that can be this person's.
        others: a sentence on each study with the same PatientID that is another person's.
    """

    series: list[PacsSeries]
    others: list[str]


class Timelines:
    """Lists the series of patients; the last patient's are remembered for a moment. Safe for threads.

    Args:
        web: the PACS.
        any_modality: list what is not CT, too.
    """

    def __init__(self, web: DicomWeb, *, any_modality: bool) -> None:
        self._web, self._any_modality = web, any_modality
        self._last: dict[tuple[str, ...], tuple[float, Timeline]] = {}
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget what is remembered."""
        with self._lock:
            self._last = {}

    def of(self, study: Study) -> Timeline:
        """Return the series of a study's patient, none for an unknown one.

        Raises:
            PacsError: if the PACS does not answer.
        """
        if not study.patient_id:
            return Timeline([], [])
        person = tuple(getattr(study, name) for name in OF_PATIENT)
        with self._lock:
            when, timeline = self._last.get(person, (0.0, None))
        if timeline is None or time.monotonic() - when >= MEMO_S:
            when, timeline = time.monotonic(), self._listed(study)
            with self._lock:
                self._last = {person: (when, timeline)}
        return timeline

    def _listed(self, study: Study) -> Timeline:
        found: list[PacsSeries] = []
        others = []
        for item in self._web.search("studies", {"PatientID": study.patient_id}, FIELDS):
            of_study = series_of(item)
            if of_study.patient_id != study.patient_id:
                continue
            contradictions = other_person(of_study.study(Path()), study)
            if contradictions:
                logger.warning(
                    "study %s has the same PatientID, but another issuer, birth date or sex: left out",
                    of_study.study_uid,
                )
                others.append(f"study {of_study.study_uid} is another person's: {', '.join(contradictions)}")
                continue
            rows = self._web.search(f"studies/{of_study.study_uid}/series", {}, FIELDS)
            found += [series_of(row, item) for row in rows]
        return Timeline([row for row in found if row.modality == "CT" or self._any_modality], others)
