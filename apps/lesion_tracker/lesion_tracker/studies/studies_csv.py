"""`studies.csv` beside plain image files: which patient, which date."""

from dataclasses import dataclass
from pathlib import Path

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.table import read_table, row_of
from lesion_tracker.studies.study import parse_date, study_id_of

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
            an image that is not there, or one that is named twice.
    """
    try:
        present = {entry.name: study_id_of(entry) for entry in path.parent.iterdir()}
    except OSError as error:
        raise FileFormatError(f"{path.name} cannot be read: {error.strerror}") from None
    rows: dict[str, CsvRow] = {}
    for row, cells in read_table(path, path.name, REQUIRED, OPTIONAL):
        with row_of(path.name, row):
            study_id = _study_id(cells["image"], present)
            if study_id in rows:
                raise FileFormatError(f"the image {cells['image']!r} is already in row {rows[study_id].row}")
            rows[study_id] = CsvRow(row, cells["patient"], parse_date(cells["date"]), cells.get("series", ""))
    return rows


def _study_id(image: str, present: dict[str, str]) -> str:
    if image not in present and image not in present.values():
        raise FileFormatError(f"there is no image {image!r} beside {FILE_NAME}")
    return present.get(image, image)
