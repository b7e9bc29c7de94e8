"""`studies.csv` beside plain image files: which patient, which date."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from lesion_tracker.errors import FileFormatError
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
        text = path.read_text(encoding="utf-8-sig")
        present = {name: study_id_of(path.parent / name) for name in (entry.name for entry in path.parent.iterdir())}
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path.name}: it is not UTF-8 ({error.reason}); save it as CSV UTF-8") from None
    except OSError as error:
        raise FileFormatError(f"{path.name}: it cannot be read ({error.strerror})") from None
    lines = csv.reader(io.StringIO(text), strict=True)
    rows: dict[str, CsvRow] = {}
    try:
        columns = _columns(path, next(lines, []))
        for cells in lines:
            if any(cell.strip() for cell in cells):
                _add(rows, path, columns, cells, lines.line_num, present)
    except csv.Error as error:
        raise FileFormatError(f"{path.name}, row {lines.line_num}: not a CSV line ({error})") from None
    return rows


def _columns(path: Path, header: list[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in header]
    for name in REQUIRED:
        if name not in columns:
            raise FileFormatError(
                f"{path.name}, row 1: the column {name!r} is missing, the columns are {columns}; wanted are "
                f"{', '.join(REQUIRED)}[, series], separated by commas"
            )
    unknown = [name for name in columns if name not in REQUIRED + OPTIONAL]
    if unknown or len(set(columns)) != len(columns):
        raise FileFormatError(f"{path.name}, row 1: unknown or repeated columns in {columns}")
    return columns


def _add(
    rows: dict[str, CsvRow], path: Path, columns: list[str], cells: list[str], row: int, present: dict[str, str]
) -> None:
    where = f"{path.name}, row {row}"
    if len(cells) != len(columns):
        raise FileFormatError(f"{where}: {len(cells)} cells for {len(columns)} columns: {cells}")
    values = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    for name in REQUIRED:
        if not values[name]:
            raise FileFormatError(f"{where}: the cell {name!r} is empty")
    image = values["image"]
    if image not in present and image not in present.values():
        raise FileFormatError(f"{where}: there is no image {image!r} beside {path.name}")
    study_id = present.get(image, image)
    if study_id in rows:
        raise FileFormatError(f"{where}: the image {image!r} is already in row {rows[study_id].row}")
    try:
        date = parse_date(values["date"])
    except FileFormatError as error:
        raise FileFormatError(f"{where}: {error}") from None
    rows[study_id] = CsvRow(row, values["patient"], date, values.get("series", ""))
