"""COHORT.csv: one row a study, `patient, date, image[, lesions]`; the earliest study of a patient has the lesions."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.lesions_file import read_lesions
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.studies.study import parse_date

REQUIRED = ("patient", "date", "image")
OPTIONAL = ("lesions",)


@dataclass(frozen=True)
class CohortStudy:
    """One row.

    Args:
        row: its line in the file; the header is 1.
        patient: not empty.
        date: YYYYMMDD.
        image: file or DICOM folder; it is opened only when its turn comes.
        lesions: a lesions file, or None.
    """

    row: int
    patient: str
    date: str
    image: Path
    lesions: Path | None


@dataclass(frozen=True)
class CohortPatient:
    """A patient with at least two studies, in the order of time.

    Args:
        patient: the name in the file.
        studies: the earliest first.
        lesions: marked in the earliest.
    """

    patient: str
    studies: tuple[CohortStudy, ...]
    lesions: tuple[Lesion, ...]


def read_cohort(path: Path) -> list[CohortPatient]:
    """Read a cohort; patients in the order of their first row.

    Args:
        path: UTF-8, commas; relative paths in it are taken from its own folder.

    Raises:
        FileFormatError: with the row, for a missing or unknown column, an empty or superfluous cell, an invalid date,
            two studies of a patient on one date, a patient with one study, a missing or wrong lesions file, or
            lesions of a later study.
    """
    patients: dict[str, list[CohortStudy]] = {}
    for study in _rows(path):
        patients.setdefault(study.patient, []).append(study)
    if not patients:
        raise FileFormatError(f"{path} has no studies")
    return [_patient(path, name, studies) for name, studies in patients.items()]


def _patient(path: Path, name: str, studies: Sequence[CohortStudy]) -> CohortPatient:
    ordered = sorted(studies, key=lambda study: study.date)
    for one, other in pairwise(ordered):
        if one.date == other.date:
            raise FileFormatError(
                f"{path}, rows {one.row} and {other.row}: two studies of {name!r} on {one.date}; which is earlier cannot "
                "be told"
            )
    first = ordered[0]
    if len(ordered) == 1:
        raise FileFormatError(f"{path}, row {first.row}: {name!r} has only one study: there is nothing to track to")
    if first.lesions is None:
        raise FileFormatError(f"{path}, row {first.row}: the earliest study of {name!r} needs a lesions file")
    for later in ordered[1:]:
        if later.lesions is not None:
            raise FileFormatError(
                f"{path}, row {later.row}: lesions are tracked from the earliest study of {name!r} (row {first.row}); "
                "leave this cell empty"
            )
    try:
        lesions = tuple(read_lesions(first.lesions))
    except FileFormatError as error:
        raise FileFormatError(f"{path}, row {first.row}: {error}") from None
    return CohortPatient(name, tuple(ordered), lesions)


def _rows(path: Path) -> list[CohortStudy]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileFormatError(f"there is no file {path}") from None
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not UTF-8 ({error.reason}); save it as CSV UTF-8") from None
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        columns = _columns(path, next(lines, []))
        return [_study(path, columns, cells, lines.line_num) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise FileFormatError(f"{path}, row {lines.line_num}: not a CSV line ({error})") from None


def _columns(path: Path, header: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in header]
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in REQUIRED + OPTIONAL]
    if missing or unknown or len(set(columns)) < len(columns):
        raise FileFormatError(
            f"{path}, row 1: the columns are {columns}; wanted are patient, date, image[, lesions], separated by commas"
        )
    return columns


def _study(path: Path, columns: Sequence[str], cells: Sequence[str], row: int) -> CohortStudy:
    where = f"{path}, row {row}"
    if len(cells) != len(columns):
        raise FileFormatError(f"{where}: {len(cells)} cells for {len(columns)} columns: {list(cells)}")
    values = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    for name in REQUIRED:
        if not values[name]:
            raise FileFormatError(f"{where}: the cell {name!r} is empty")
    try:
        date = parse_date(values["date"])
    except FileFormatError as error:
        raise FileFormatError(f"{where}: {error}") from None
    lesions = values.get("lesions")
    return CohortStudy(
        row, values["patient"], date, path.parent / values["image"], path.parent / lesions if lesions else None
    )
