"""The series of a PACS: listed anew for each request, fetched when they are read, remembered when they are gone."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lesion_tracker.errors import InputError, PacsError, StudyError
from lesion_tracker.files.disk_cache import DiskCache, retried
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.series import FIELDS, OF_PATIENT, OF_STUDY, PacsSeries, series_of
from lesion_tracker.pacs.series_records import SeriesRecords
from lesion_tracker.pacs.series_state import SeriesState, SeriesStates
from lesion_tracker.pacs.timelines import Timelines
from lesion_tracker.studies.series_choice import SeriesQuality, assess, choose, explain
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.dicom_folders import first_header
from lesion_tracker.volumes.volume import Volume

UID = re.compile(r"[0-9]+(\.[0-9]+)*")
LONGEST_UID = 64

STATE = ".state"
"""Beside the files of a fetched series: the digest of what the PACS said of it when they were fetched."""


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
        self._timelines = Timelines(web, any_modality=any_modality)
        self._states = SeriesStates(web)
        self._qualities: dict[str, tuple[str, SeriesQuality]] = {}

    def study(self, series_uid: str) -> Study | None:
        """Return a series, or None if the PACS does not have it.

        Raises:
            InputError: for what is no UID.
            StudyError: for a modality that cannot be tracked.
            PacsError: if the PACS does not answer.
        """
        require_uid(series_uid)
        rows = map(series_of, self.web.matches("series", {"SeriesInstanceUID": series_uid}, FIELDS))
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

        Series whose issuer, birth date or sex contradicts that of `study` belong to another person.

        Raises:
            PacsError: if the PACS does not answer.
        """
        return [self._known(row) for row in self._timelines.of(study).series]

    def others(self, study: Study) -> list[str]:
        """Return a sentence on each study with the same PatientID that is another person's.

        Raises:
            PacsError: if the PACS does not answer.
        """
        return self._timelines.of(study).others

    def everything(self) -> list[Study]:
        """Return all CT series of the PACS.

        Raises:
            PacsError: if the PACS does not answer, or has more than can be listed.
        """
        filters = {} if self._any_modality else {"Modality": "CT"}
        rows = [series_of(item) for item in self.web.search("series", filters, FIELDS)]
        return [self._known(row) for row in rows if row.modality == "CT" or self._any_modality]

    def fetch(self, study: Study) -> Path:
        """Return the folder with the files of a series; fetch them if they are not there, or if the PACS has others now.

        Of a series that the PACS no longer has, the copy counts.

        Raises:
            PacsError: if the PACS does not deliver all of them; nothing is kept then.
            StudyError: if they cannot be written.
        """
        state = self._state(study)
        is_gone = not state.items and not self._is_listed(study)

        def is_current(folder: Path) -> bool:
            return is_gone or _read_text(folder / STATE) == state.digest

        def download(folder: Path) -> None:
            folder.mkdir()
            got = self.web.download(study.study_uid, study.id, folder)
            wanted = max(self.files_of(study), state.files)
            if got < wanted:
                raise PacsError(
                    f"the PACS announced {wanted} files of series {study.id} and sent {got}: is the study still "
                    "arriving? Try again in a moment"
                )
            self._remember(study, folder)
            (folder / STATE).write_text(state.digest)

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
        now = self.quality(study).frame_of_reference_uid
        known = None if now else self.records.study(study.id, study.path)
        return known.frame_of_reference_uid if known else now

    def quality(self, study: Study) -> SeriesQuality:
        """Judge a series by its headers.

        Raises:
            PacsError: if the PACS does not answer.
        """
        state = self._state(study)
        digest, quality = self._qualities.get(study.id, ("", None))
        if quality is None or digest != state.digest:
            quality = replace(
                assess(study.id, state.items, any_modality=self._any_modality, reformats=self._reformats),
                description=study.series,
            )
            self._qualities[study.id] = state.digest, quality
        return quality

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

    def _state(self, study: Study) -> SeriesState:
        announced = self.files_of(study)
        state = self._states.now(study.study_uid, study.id, announced)
        if state.items and state.files < announced:
            raise PacsError(
                f"the PACS announced {announced} files of series {study.id} and described {state.files}: is the study still "
                "arriving? Try again in a moment"
            )
        return state

    def _is_listed(self, study: Study) -> bool:
        rows = map(series_of, self.web.matches("series", {"SeriesInstanceUID": study.id}, FIELDS))
        return any(row.series_uid == study.id for row in rows)

    def _with_study(self, row: PacsSeries) -> PacsSeries:
        """Ask for what the answer about a series may leave out: patient and date."""
        for item in self.web.matches("studies", {"StudyInstanceUID": row.study_uid}, FIELDS):
            of_study = series_of(item)
            if of_study.study_uid == row.study_uid:
                names = (*OF_PATIENT, *OF_STUDY)
                return replace(row, **{name: getattr(row, name) or getattr(of_study, name) for name in names})
        return row

    def _known(self, row: PacsSeries) -> Study:
        """Return a listed series as a Study, with what was learnt of it when it was opened."""
        self._rows[row.series_uid] = row
        before = self.records.study(row.series_uid, self.cache.path(row.series_uid))
        if before is None:
            return row.study(self.cache.path(row.series_uid))
        more = {name: getattr(row, name) or getattr(before, name) for name in OF_PATIENT}
        more |= {name: getattr(before, name) for name in ("acquisition_time", "frame_of_reference_uid")}
        return row.study(self.cache.path(row.series_uid), **more)

    def _remember(self, study: Study, folder: Path) -> None:
        header = first_header(folder)
        if header is None or header.text("SeriesInstanceUID") != study.id:
            raise PacsError(f"the PACS sent files of another series than {study.id}")
        self.records.keep(
            replace(
                study,
                issuer=study.issuer or header.text("IssuerOfPatientID"),
                patient_name=study.patient_name or header.text("PatientName"),
                sex=study.sex or header.text("PatientSex").upper(),
                birth_date=study.birth_date or header.text("PatientBirthDate"),
                acquisition_time=header.text("AcquisitionTime"),
                frame_of_reference_uid=header.text("FrameOfReferenceUID"),
            )
        )


def _read_text(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""  # an earlier version's copy: nothing tells what it is a copy of


def require_uid(text: str) -> None:
    """Refuse what is no DICOM UID, so that no query can mean more than one series.

    Raises:
        InputError: with what was given.
    """
    if len(text) > LONGEST_UID or not UID.fullmatch(text):
        raise InputError(
            f"{text[:200]!r} is no series of a PACS; it is named by its SeriesInstanceUID (digits and dots), as OHIF does"
        )
