"""`studies.csv` beside plain image files: which patient, which date."""

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.table import read_table, row_of
from lesion_tracker.studies.study import parse_date, study_id_of
from lesion_tracker.volumes.unchanged import Stamp, stamp

logger = logging.getLogger(__name__)

FILE_NAME = "studies.csv"
REQUIRED = ("image", "patient", "date")
OPTIONAL = ("series",)


@dataclass(frozen=True)
class CsvRow:
    """One row of studies.csv.

    Args:
        row: its line number in the file; the header is 1.
        patient: not empty.
        date: YYYYMMDD.
        series: or "".
    """

    row: int
    patient: str
    date: str
    series: str


def read_studies_csv(path: Path) -> dict[str, CsvRow]:
    """Read studies.csv.

    Args:
        path: a UTF-8 CSV with the columns image, patient, date[, series]; `image` is the name of a file or DICOM folder
            beside it, with or without its ending.

    Returns:
        The rows by study id.

    Raises:
        FileFormatError: with the row, for a missing or unknown column, an empty or superfluous cell, an invalid date,
            or an image that is named twice. A row whose image is not there is passed over: it may have been removed.
    """
    try:
        stamps = stamp(path), stamp(path.parent)
    except FileNotFoundError:
        raise FileFormatError(f"there is no file {path.name}") from None
    except OSError as error:
        raise FileFormatError(f"{path.name} cannot be read: {error.strerror}") from None
    return _read(path, stamps)


@lru_cache(maxsize=16)
def _read(path: Path, _unchanged: tuple[Stamp, Stamp]) -> dict[str, CsvRow]:
    """Read a table once, as long as it and its folder stay the same: each study of the folder asks for it."""
    present = {entry.name: study_id_of(entry) for entry in path.parent.iterdir()}
    ids = set(present.values())
    rows: dict[str, CsvRow] = {}
    for row, cells in read_table(path, path.name, REQUIRED, OPTIONAL):
        with row_of(path.name, row):
            study_id = present.get(cells["image"], cells["image"])
            if study_id not in ids:
                logger.info("%s, row %d is passed over: there is no image %r beside it", path.name, row, cells["image"])
                continue
            if study_id in rows:
                raise FileFormatError(f"the image {cells['image']!r} is already in row {rows[study_id].row}")
            rows[study_id] = CsvRow(row, cells["patient"], parse_date(cells["date"]), cells.get("series", ""))
    return rows
