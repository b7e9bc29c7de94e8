"""COHORT.csv: one row a study, `patient, date, image[, lesions]`; the earliest study of a patient has the lesions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.marks_file import read_marks
from lesion_tracker.files.table import read_table, row_of
from lesion_tracker.records.lesion import Marked
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
    """A patient's studies, in the order of time.

    Args:
        patient: the name in the file.
        studies: the earliest first; one alone has nothing to be tracked to.
        lesions: marked in the earliest.
    """

    patient: str
    studies: tuple[CohortStudy, ...]
    lesions: tuple[Marked, ...]


def read_cohort(path: Path) -> list[CohortPatient]:
    """Read a cohort; patients in the order of their first row.

    Args:
        path: UTF-8, commas; relative paths in it are taken from its own folder.

    Raises:
        FileFormatError: with the row, for a missing or unknown column, an empty or superfluous cell, an invalid date,
            two studies of a patient on one date, a missing or wrong lesions file, or lesions of a later study.
    """
    patients: dict[str, list[CohortStudy]] = {}
    for row, cells in read_table(path, str(path), REQUIRED, OPTIONAL):
        with row_of(str(path), row):
            study = _study(path.parent, row, cells)
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
    if len(ordered) == 1 and first.lesions is None:
        return CohortPatient(name, tuple(ordered), ())
    if first.lesions is None:
        raise FileFormatError(f"{path}, row {first.row}: the earliest study of {name!r} needs a lesions file")
    for later in ordered[1:]:
        if later.lesions is not None:
            raise FileFormatError(
                f"{path}, row {later.row}: lesions are tracked from the earliest study of {name!r} (row {first.row}); "
                "leave this cell empty"
            )
    with row_of(str(path), first.row):
        lesions = tuple(read_marks(first.lesions))
    return CohortPatient(name, tuple(ordered), lesions)


def _study(folder: Path, row: int, cells: Mapping[str, str]) -> CohortStudy:
    lesions = cells.get("lesions")
    date = parse_date(cells["date"])
    return CohortStudy(row, cells["patient"], date, folder / cells["image"], folder / lesions if lesions else None)
