"""The studies at hand: by id, by patient, and which one a follow-up is tracked from; in a folder or on a PACS."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from typing_extensions import override

from lesion_tracker.errors import FileFormatError, InputError, NotFound, StudyError, StudyOrderError
from lesion_tracker.studies.study import Study, parse_date
from lesion_tracker.studies.timeline import earlier_studies, study_of

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


@runtime_checkable
class StudyList(Protocol):
    """The list of a folder's studies and what was said of each; the names are those of MONAI Label's datastore."""

    def list_images(self) -> list[str]:
        """Return the ids of all studies."""

    def get_image_uri(self, image_id: str) -> str:
        """Return the path of a study's file, "" where there is none."""

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what was said of a study when it was uploaded, or later."""

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Keep more that is said of it."""


class FolderCatalog(Catalog):
    """The studies of a folder, one file each: they do not replace each other, and none is kept elsewhere.

    Args:
        listed: the folder's list.
    """

    def __init__(self, listed: StudyList) -> None:
        self._listed = listed

    @override
    def ids(self) -> list[str]:
        return sorted(self._listed.list_images())

    @override
    def study(self, image_id: object) -> Study:
        if not isinstance(image_id, str) or not image_id or NO_ID.search(image_id):
            raise InputError(
                f"{image_id!r} is no study id; a study is named by its id in the datastore, not by a path or URL"
            )
        path = self._listed.get_image_uri(image_id) if image_id in self._listed.list_images() else ""
        if not path:
            raise unknown_study(image_id)
        return replace(study_of(Path(path), upload=self._listed.get_image_info(image_id)), id=image_id)

    @override
    def studies(self) -> list[Study]:
        return [study for study in map(self._or_none, self.ids()) if study is not None]

    @override
    def of_patient(self, patient_id: str) -> list[Study]:
        return [study for study in self.studies() if patient_id and study.patient_id == patient_id]

    @override
    def keep_info(self, study: Study, info: Mapping[str, Any]) -> None:
        self._listed.update_image_info(study.id, dict(info))

    @override
    def baseline_of(self, followup: Study, is_marked: Callable[[str], bool]) -> Study:
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

    @override
    def to_register(self, study: Study) -> list[tuple[Study, str]]:
        later = [other for other in self.of_patient(study.patient_id) if other.study_date > study.study_date]
        return [(other, "") for other in sorted(later, key=lambda other: other.study_date)]

    @override
    def siblings(self, study: Study) -> list[Study]:
        if not study.study_uid:
            return []
        others = self.of_patient(study.patient_id)
        return [other for other in others if other.study_uid == study.study_uid and other.id != study.id]

    @override
    def frame_of(self, study: Study) -> str:
        return study.frame_of_reference_uid

    @override
    def fetch(self, study: Study) -> Path:
        return study.path

    @override
    def is_gone(self, study: Study) -> bool:
        return not study.path.exists()

    @override
    def has_files(self, study: Study) -> bool:
        return study.path.exists()

    @override
    def gone(self, followup: Study) -> list[Study]:
        return []

    @override
    def replacement(self, study: Study) -> tuple[Study, str]:
        raise StudyError(f"{study.describe()} has marked lesions, but its file is gone")

    def _or_none(self, image_id: str) -> Study | None:
        """Return a study, or None where its own date or the table of studies is malformed."""
        try:
            return self.study(image_id)
        except (NotFound, FileFormatError):
            return None


def unknown_study(image_id: str) -> NotFound:
    """Return the error for an id that nothing has."""
    return NotFound(
        f"no study {image_id!r} in this datastore: upload it first, or take an id of GET /datastore/?output=all"
    )
