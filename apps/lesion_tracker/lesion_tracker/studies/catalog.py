"""The studies at hand: by id, by patient, and which one a follow-up is tracked from."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.studies.study import Study, parse_date

NO_ID = re.compile(r"[/\\\0]|^\.{1,2}$")
"""What makes a name a path or URL instead of an id."""


class Catalog(ABC):
    """What is asked of the studies at hand. On a PACS each `Study` is one series, as the viewers name it."""

    @abstractmethod
    def ids(self) -> list[str]:
        """Return the ids of all studies; of a PACS only those that were opened already."""

    @abstractmethod
    def study(self, image_id: object) -> Study:
        """Return a study by its id.

        Raises:
            InputError: for what is no id: a path, a URL, another type.
            NotFound: for an id that nothing has.
            PacsError: if the PACS does not answer.
        """

    @abstractmethod
    def studies(self) -> list[Study]:
        """Return all studies whose patient and date can be read; of a PACS one series of each."""

    @abstractmethod
    def problems(self) -> list[str]:
        """Return a sentence for each study that cannot be read, and for what is passed over; a PACS is not asked."""

    @abstractmethod
    def of_patient(self, patient_id: str) -> list[Study]:
        """Return all studies of one patient; none for an unknown patient ("")."""

    @abstractmethod
    def keep_info(self, study: Study, info: Mapping[str, Any]) -> None:
        """Keep what a reader or client says of a study: patient, date."""

    @abstractmethod
    def baseline_of(self, followup: Study, is_marked: Callable[[str], bool]) -> Study:
        """Return the newest earlier study of the same patient for which `is_marked` says yes.

        Raises:
            StudyOrderError: if there is none, the order cannot be decided, or one of several series must be named; the
                text lists the patient's studies and asks for `baseline_image`.
        """

    @abstractmethod
    def to_register(self, study: Study) -> list[tuple[Study, str]]:
        """Return the later studies that a study is registered with ahead of time, each with a note on its choice."""

    @abstractmethod
    def siblings(self, study: Study) -> list[Study]:
        """Return the other series of the same DICOM study; none where no StudyInstanceUID is known."""

    @abstractmethod
    def frame_of(self, study: Study) -> str:
        """Return DICOM's FrameOfReferenceUID of a study's series, "" where it has none."""

    @abstractmethod
    def fetch(self, study: Study) -> Path:
        """Return where the file or folder of a study lies; what lies on a PACS is fetched."""

    @abstractmethod
    def is_gone(self, study: Study) -> bool:
        """Say whether a study with marks is no longer there."""

    @abstractmethod
    def has_files(self, study: Study) -> bool:
        """Say whether a study can be read: it is there, or a copy of it still is."""

    @abstractmethod
    def gone(self, followup: Study) -> list[Study]:
        """Return the studies of a follow-up's patient that have marks, but are no longer there."""

    @abstractmethod
    def replacement(self, study: Study) -> tuple[Study, str]:
        """Choose another series in place of one that is gone; return it with a sentence on the choice.

        Raises:
            StudyError: if nothing can take its place.
        """

    def with_patient(self, study: Study, patient_id: str, study_date: str = "") -> Study:
        """Return a study with the patient (and date) that a request names, and keep them.

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
            self.keep_info(study, new)
        return replace(study, patient_id=study.patient_id or patient_id, study_date=study.study_date or date)


def unknown_study(image_id: str) -> NotFound:
    """Return the error for an id that nothing has."""
    return NotFound(
        f"no study {image_id!r} in this datastore: upload it first, or take an id of GET /datastore/?output=all"
    )
