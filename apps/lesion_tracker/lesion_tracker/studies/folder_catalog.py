"""The studies of a folder, image files and DICOM series, and which of them are shown."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from typing_extensions import override

from lesion_tracker.errors import FileFormatError, InputError, NotFound, StudyError, StudyOrderError
from lesion_tracker.studies.catalog import NO_ID, Catalog, unknown_study
from lesion_tracker.studies.folder_index import Entry
from lesion_tracker.studies.studies_csv import FILE_NAME
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import earlier_studies, study_of
from lesion_tracker.volumes.dicom_folders import split_address
from lesion_tracker.volumes.unchanged import Stamp, stamp


@runtime_checkable
class StudyList(Protocol):
    """The list of a folder's studies and what was said of each; the names are those of MONAI Label's datastore."""

    def list_images(self) -> list[str]:
        """Return the ids of all studies."""

    def entry(self, image_id: str) -> Entry | None:
        """Return what stands in the folder under an id."""

    def problems(self) -> list[str]:
        """Return a sentence for each entry that cannot be read, and for what is passed over."""

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what was said of a study when it was uploaded, or later."""

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Keep more that is said of it."""


class FolderCatalog(Catalog):
    """The studies of a folder, a file or a DICOM series each: they do not replace each other, none is kept elsewhere.

    Args:
        listed: the folder's list.
        in_use: returns the ids of all studies with marks or tracks.
    """

    def __init__(self, listed: StudyList, in_use: Callable[[], Collection[str]] = frozenset) -> None:
        self._listed, self._in_use = listed, in_use
        self._read: dict[str, tuple[object, Study]] = {}

    @override
    def ids(self) -> list[str]:
        return sorted(self._listed.list_images())

    @override
    def study(self, image_id: object) -> Study:
        if not isinstance(image_id, str) or not image_id or NO_ID.search(image_id):
            raise InputError(
                f"{image_id!r} is no study id; a study is named by its id in the datastore, not by a path or URL"
            )
        entry = self._listed.entry(image_id)
        if entry is None:
            raise unknown_study(image_id)
        if entry.problem:
            raise StudyError(f"{image_id}: {entry.problem}")
        said, header_of = dict(self._listed.get_image_info(image_id)), entry.files[0] if entry.is_series else None
        state = entry, said, _stamp(entry.path.parent / FILE_NAME), _stamp(header_of)
        known = self._read.get(image_id)
        if known is None or known[0] != state:  # all studies are asked for whenever one of a patient is
            known = state, replace(study_of(entry.path, upload=said, header_of=header_of), id=image_id)
            self._read[image_id] = known
        return known[1]

    @override
    def studies(self) -> list[Study]:
        """Return all studies; of several DICOM series of one study those with marks or tracks, else the longest."""
        return representatives(self._all(), self._in_use(), self._files_of)

    @override
    def problems(self) -> list[str]:
        told = dict.fromkeys(self._listed.problems())
        for image_id in self.ids():
            try:
                self.study(image_id)
            except FileFormatError as error:
                told[str(error)] = None
            except (NotFound, StudyError):  # among them already
                continue
        return list(told)

    @override
    def of_patient(self, patient_id: str) -> list[Study]:
        return [study for study in self._all() if patient_id and study.patient_id == patient_id]

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
        chosen = representatives(later, self._in_use(), self._files_of)
        return [(other, "") for other in sorted(chosen, key=lambda other: other.study_date)]

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
        return not self.has_files(study)

    @override
    def has_files(self, study: Study) -> bool:
        return study.path.exists() or bool(split_address(study.path)[1])

    @override
    def gone(self, followup: Study) -> list[Study]:
        return []

    @override
    def replacement(self, study: Study) -> tuple[Study, str]:
        raise StudyError(f"{study.describe()} has marked lesions, but its file is gone")

    def _all(self) -> list[Study]:
        return [study for study in map(self._or_none, self.ids()) if study is not None]

    def _files_of(self, study: Study) -> int:
        entry = self._listed.entry(study.id)
        return len(entry.files) if entry else 0

    def _or_none(self, image_id: str) -> Study | None:
        """Return a study, or None where nothing can be read of it: `problems` says why."""
        try:
            return self.study(image_id)
        except (NotFound, FileFormatError, StudyError):
            return None


def _stamp(path: Path | None) -> Stamp | None:
    try:
        return stamp(path) if path is not None else None
    except OSError:
        return None


def representatives(studies: Sequence[Study], in_use: Collection[str], files_of: Callable[[Study], int]) -> list[Study]:
    """Return one of the DICOM series of each study, in the order of the studies: what a list of studies shows.

    Args:
        studies: files and series.
        in_use: ids of those with marks or tracks; where a study has such, they are shown, all of them.
        files_of: says how many files a series has; where none is in use, the one with the most is shown.
    """
    groups: dict[str, list[Study]] = {}
    for study in studies:
        groups.setdefault(study.study_uid if study.id == study.series_uid else f"file {study.id}", []).append(study)
    shown = []
    for group in groups.values():
        used = [study for study in group if study.id in in_use]
        shown += used or [max(group, key=lambda study: (files_of(study), study.id))]
    return shown
