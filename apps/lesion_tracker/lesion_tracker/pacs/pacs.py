"""The series of a PACS: listed anew for each request, fetched when they are read, remembered when they are gone."""

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lesion_tracker.errors import InputError, PacsError, StudyError
from lesion_tracker.files.disk_cache import DiskCache, retried
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.series import FIELDS, PacsSeries, series_of
from lesion_tracker.pacs.series_records import SeriesRecords
from lesion_tracker.studies.series_choice import SeriesQuality, assess, choose, explain
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.dicom_folders import first_header
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

UID = re.compile(r"[0-9]+(\.[0-9]+)*")
LONGEST_UID = 64

MEMO_S = 2.0
"""For so long the answer about a patient's series counts: several parts of one request ask for it."""


class Pacs:
    """Studies of a DICOMweb server; safe for threads.

    What is there is asked for each time, because a study may have arrived a minute ago. Only a series that is read is
    fetched. In all of this a `Study` is one series, named by its SeriesInstanceUID, as the viewers name it.

    Args:
        web: the server.
        cache: for fetched series.
        records: what was known of a series when it was opened.
        any_modality: accept what is not CT.
        reformats: accept axial reformats.
    """

    def __init__(
        self,
        web: DicomWeb,
        cache: DiskCache,
        records: SeriesRecords,
        *,
        any_modality: bool = False,
        reformats: bool = False,
    ) -> None:
        self.web, self.cache, self.records = web, cache, records
        self._any_modality, self._reformats = any_modality, reformats
        self._rows: dict[str, PacsSeries] = {}
        self._timelines: dict[str, tuple[float, list[PacsSeries]]] = {}
        self._lock = threading.Lock()
        self._qualities: dict[tuple[str, int], SeriesQuality] = {}

    def study(self, series_uid: str) -> Study | None:
        """Return a series, or None if the PACS does not have it.

        Raises:
            InputError: for what is no UID.
            StudyError: for a modality that cannot be tracked.
            PacsError: if the PACS does not answer.
        """
        require_uid(series_uid)
        rows = [series_of(item) for item in self.web.search("series", {"SeriesInstanceUID": series_uid}, FIELDS)]
        row = next((row for row in rows if row.series_uid == series_uid), None)
        if row is None:
            return None
        if not (row.patient_id and row.study_date):
            row = self._with_study(row)
        if row.modality != "CT" and not self._any_modality:
            hint = ": a dose report?" if row.modality == "SR" else ""
            what = f"{row.modality or 'no modality'}, {row.description or 'no description'!r}"
            raise StudyError(f"series {series_uid} ({what}) is not CT{hint}")
        return self._known(row)

    def timeline(self, study: Study) -> list[Study]:
        """Return all CT series of a study's patient, that study's own among them; none for an unknown patient.

        Series whose birth date contradicts that of `study` belong to another person with the same PatientID.

        Raises:
            PacsError: if the PACS does not answer.
        """
        if not study.patient_id:
            return []
        with self._lock:
            when, rows = self._timelines.get(study.patient_id, (-MEMO_S, []))
        if time.monotonic() - when >= MEMO_S:
            when, rows = time.monotonic(), self._listed(study)
            with self._lock:
                self._timelines = {study.patient_id: (when, rows)}
        return [self._known(row) for row in rows]

    def everything(self) -> list[Study]:
        """Return all CT series of the PACS.

        Raises:
            PacsError: if the PACS does not answer, or has more than can be listed.
        """
        filters = {} if self._any_modality else {"Modality": "CT"}
        rows = [series_of(item) for item in self.web.search("series", filters, FIELDS)]
        return [self._known(row) for row in rows if row.modality == "CT" or self._any_modality]

    def fetch(self, study: Study) -> Path:
        """Return the folder with the files of a series; fetch them if they are not there, or if more have arrived.

        Raises:
            PacsError: if the PACS does not deliver all of them; nothing is kept then.
            StudyError: if they cannot be written.
        """
        announced = self.files_of(study)

        def is_current(folder: Path) -> bool:
            return not announced or len(list(folder.glob("*.dcm"))) == announced

        def download(folder: Path) -> None:
            folder.mkdir()
            got = self.web.download(study.study_uid, study.id, folder)
            if got < announced:
                raise PacsError(
                    f"the PACS announced {announced} files of series {study.id} and sent {got}: is the study still "
                    "arriving? Try again in a moment"
                )
            self._remember(study, folder)

        return self.cache.get(study.id, is_current, download)

    def files_of(self, study: Study) -> int:
        """Return how many images the PACS said a series has, 0 where it did not say."""
        row = self._rows.get(study.id)
        return row.files if row else 0

    def has_files(self, study: Study) -> bool:
        """Say whether the files of a series are in the cache."""
        return self.cache.path(study.id).is_dir()

    def volume_file(self, study: Study, write: Callable[[Path, Path], None]) -> Path:
        """Return a series as one file for clients that cannot read DICOM.

        Args:
            study: the series.
            write: makes the file (second) of the folder (first).
        """
        name = f"{study.id}.nii.gz"

        def written() -> Path:
            folder = self.fetch(study)
            changed = folder.stat().st_mtime
            return self.cache.get(
                name,
                lambda path: path.stat().st_mtime >= changed,
                lambda path: self.cache.read(folder, lambda there: write(there, path)),
            )

        return retried(written)

    def read(self, path: Path, read: Callable[[Path], Volume]) -> Volume:
        """Read a fetched series while no other server can remove it from the cache."""
        return self.cache.read(path, read)

    def frame_of(self, study: Study) -> str:
        """Return the FrameOfReferenceUID of a series, "" where it has none.

        Raises:
            PacsError: if the PACS does not answer.
        """
        if study.frame_of_reference_uid:
            return study.frame_of_reference_uid
        known = self.records.study(study.id, study.path)
        return known.frame_of_reference_uid if known else self.quality(study).frame_of_reference_uid

    def quality(self, study: Study) -> SeriesQuality:
        """Judge a series by its headers.

        Raises:
            PacsError: if the PACS does not answer.
        """
        key = (study.id, self.files_of(study))
        if key not in self._qualities:
            items = self.web.metadata(study.study_uid, study.id)
            self._qualities[key] = replace(
                assess(study.id, items, any_modality=self._any_modality, reformats=self._reformats),
                description=study.series,
            )
        return self._qualities[key]

    def best_of(self, series: Sequence[Study]) -> tuple[Study, str]:
        """Choose one of a study's series by coverage and slice thickness.

        Returns:
            The series, and a sentence that shows the choice ("" where there was none to make).

        Raises:
            StudyError: if none can be used; the text says why of each.
            PacsError: if the PACS does not answer.
        """
        qualities = [self.quality(study) for study in series]
        chosen = choose(qualities)
        if chosen is None:
            raise StudyError(f"no usable series: {'; '.join(quality.describe() for quality in qualities) or 'none'}")
        study = next(study for study in series if study.id == chosen.series_uid)
        return study, explain(chosen, qualities) if len(qualities) > 1 else ""

    def _listed(self, study: Study) -> list[PacsSeries]:
        own = self._rows.get(study.id)
        found = []
        for item in self.web.search("studies", {"PatientID": study.patient_id}, ("PatientBirthDate",)):
            of_study = series_of(item)
            if of_study.patient_id != study.patient_id or (own and own.patient_id and not own.same_person(of_study)):
                logger.warning("study %s has the same PatientID, but another birth date: left out", of_study.study_uid)
                continue
            rows = self.web.search(f"studies/{of_study.study_uid}/series", {}, FIELDS)
            found += [series_of(row, item) for row in rows]
        return [row for row in found if row.modality == "CT" or self._any_modality]

    def _with_study(self, row: PacsSeries) -> PacsSeries:
        """Ask for what the answer about a series may leave out: patient and date."""
        for item in self.web.search("studies", {"StudyInstanceUID": row.study_uid}, ("PatientBirthDate",)):
            of_study = series_of(item)
            if of_study.study_uid == row.study_uid:
                names = ("patient_id", "birth_date", "study_date", "study_time")
                return replace(row, **{name: getattr(row, name) or getattr(of_study, name) for name in names})
        return row

    def _known(self, row: PacsSeries) -> Study:
        """Return a listed series as a Study, with what was learnt of it when it was opened."""
        self._rows[row.series_uid] = row
        before = self.records.study(row.series_uid, self.cache.path(row.series_uid))
        more = (
            {
                "acquisition_time": before.acquisition_time,
                "frame_of_reference_uid": before.frame_of_reference_uid,
            }
            if before
            else {}
        )
        return row.study(self.cache.path(row.series_uid), **more)

    def _remember(self, study: Study, folder: Path) -> None:
        header = first_header(folder)
        if header is None or header.text("SeriesInstanceUID") != study.id:
            raise PacsError(f"the PACS sent files of another series than {study.id}")
        self.records.keep(
            replace(
                study,
                acquisition_time=header.text("AcquisitionTime"),
                frame_of_reference_uid=header.text("FrameOfReferenceUID"),
            )
        )


def require_uid(text: str) -> None:
    """Refuse what is no DICOM UID, so that no query can mean more than one series.

    Raises:
        InputError: with what was given.
    """
    if len(text) > LONGEST_UID or not UID.fullmatch(text):
        raise InputError(
            f"{text[:200]!r} is no series of a PACS; it is named by its SeriesInstanceUID (digits and dots), as OHIF does"
        )
