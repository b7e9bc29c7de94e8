"""The studies of a datastore: by id, by patient, and which one a follow-up is tracked from."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import HTTPException

from lesion_tracker.errors import FileFormatError, InputError, StudyError, StudyOrderError
from lesion_tracker.server.http_errors import unknown_study
from lesion_tracker.server.studies.datastore import StudyFolder
from lesion_tracker.studies.study import Study, parse_date
from lesion_tracker.studies.timeline import earlier_studies, study_of

NO_ID = re.compile(r"[/\\\0]|^\.{1,2}$")
"""What makes a name a path or URL instead of an id."""


class Catalog:
    """The studies of one MONAI Label datastore.

    Args:
        datastore: MONAI Label's datastore.
    """

    def __init__(self, datastore: Any) -> None:
        self._datastore = datastore

    def ids(self) -> list[str]:
        """Return the ids of all studies at hand; of a DICOMweb server only those that were opened already."""
        if isinstance(self._datastore, StudyFolder):
            return sorted(self._datastore.list_images())
        return sorted(self._datastore.json()["objects"])

    def study(self, image_id: object) -> Study:
        """Return a study by its id.

        Raises:
            InputError: for what is no id: a path, a URL, another type.
            HTTPException: 404 for an id that the datastore does not hold.
        """
        if not isinstance(image_id, str) or not image_id or NO_ID.search(image_id):
            raise InputError(
                f"{image_id!r} is no study id; a study is named by its id in the datastore, not by a path or URL"
            )
        if image_id not in self._datastore.list_images():
            raise unknown_study(image_id)
        path = self._datastore.get_image_uri(image_id)
        if not path:
            raise unknown_study(image_id)
        info = self._datastore.get_image_info(image_id)
        return replace(study_of(Path(path), upload=info), id=image_id)

    def studies(self) -> list[Study]:
        """Return all studies whose patient and date can be read; a malformed date or table hides only its own."""
        return [study for study in map(self._or_none, self.ids()) if study is not None]

    def of_patient(self, patient_id: str) -> list[Study]:
        """Return all studies of one patient, in order of their ids; none for an unknown patient ("")."""
        return [study for study in self.studies() if patient_id and study.patient_id == patient_id]

    def with_patient(self, study: Study, patient_id: str, study_date: str = "") -> Study:
        """Return a study with the patient (and date) that a request names, and keep them in the datastore.

        Raises:
            InputError: if the study is known to be another patient's or another day's, or for an invalid date.
        """
        date = parse_date(study_date) if study_date else ""
        for name, known, given in (("patient", study.patient_id, patient_id), ("date", study.study_date, date)):
            if given and known and given != known:
                raise InputError(f"the {name} of study {study.id!r} is {known!r}, but the request says {given!r}")
        missing = {"patient": patient_id if not study.patient_id else "", "date": date if not study.study_date else ""}
        new = {name: value for name, value in missing.items() if value}
        if new:
            self._datastore.update_image_info(study.id, new)
        return replace(study, patient_id=study.patient_id or patient_id, study_date=study.study_date or date)

    def fetch(self, study: Study) -> Path:
        """Return where the file or folder of a study lies; the catalog of a PACS fetches it."""
        return study.path

    def frame_of(self, study: Study) -> str:
        """Return DICOM's FrameOfReferenceUID of a study's series, "" where it has none."""
        return study.frame_of_reference_uid

    def siblings(self, study: Study) -> list[Study]:
        """Return the other series of the same DICOM study; none where no StudyInstanceUID is known."""
        if not study.study_uid:
            return []
        others = self.of_patient(study.patient_id)
        return [other for other in others if other.study_uid == study.study_uid and other.id != study.id]

    def is_gone(self, study: Study) -> bool:
        """Say whether a series with marks is no longer there; only a PACS loses series."""
        return not study.path.exists()

    def gone(self, followup: Study) -> list[Study]:
        """Return the series of a follow-up's patient that have marks, but are no longer there."""
        return []

    def has_files(self, study: Study) -> bool:
        """Say whether a series can be read."""
        return study.path.exists()

    def replacement(self, study: Study) -> tuple[Study, str]:
        """Choose another series in place of one that is gone.

        Raises:
            StudyError: always: a folder's studies do not replace each other.
        """
        raise StudyError(f"{study.describe()} has marked lesions, but its file is gone")

    def to_register(self, study: Study) -> list[tuple[Study, str]]:
        """Return the later studies that a study is registered with ahead of time, each with a note on its choice."""
        later = [other for other in self.of_patient(study.patient_id) if other.study_date > study.study_date]
        return [(other, "") for other in sorted(later, key=lambda other: other.study_date)]

    def baseline_of(self, followup: Study, is_marked: Callable[[str], bool]) -> Study:
        """Return the newest earlier study of the same patient for which `is_marked` says yes.

        Raises:
            StudyOrderError: if there is none, or the order cannot be decided; the text lists the patient's studies and
                asks for `baseline_image`.
        """
        same_patient = [study for study in self.of_patient(followup.patient_id) if study.id != followup.id]
        earlier = earlier_studies(followup, [study for study in same_patient if is_marked(study.id)])
        if not earlier:
            listed = "; ".join(study.describe() for study in same_patient) or "none"
            raise StudyOrderError(
                f"no earlier study with marked lesions for {followup.describe()}; "
                f"other studies of this patient: {listed}; "
                "mark the lesions in the earlier study (mark_lesion), or name it in the request as baseline_image"
            )
        return earlier[-1]

    def _or_none(self, image_id: str) -> Study | None:
        try:
            return self.study(image_id)
        except (HTTPException, FileFormatError):
            return None
