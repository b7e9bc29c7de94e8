"""CSV tables in: rows of named cells with their numbers; a wrong one says which row and what is wrong."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lesion_tracker.errors import FileFormatError


@contextmanager
def row_of(name: str, row: int) -> Iterator[None]:
    """Put a row's number before what is wrong with it.

    Args:
        name: of the file, for the message.
        row: its line in the file; the header is 1.

    Raises:
        FileFormatError: for one within the block.
    """
    try:
        yield
    except FileFormatError as error:
        raise FileFormatError(f"{name}, row {row}: {error}") from None


def read_table(
    path: Path, name: str, required: Sequence[str], optional: Sequence[str] = ()
) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV table: UTF-8 with or without a byte order mark, commas, a header in any order; empty lines do not count.

    Args:
        path: of the file.
        name: what messages call it.
        required: columns that must be there, with a text in every row.
        optional: columns that may be there.

    Returns:
        The number of each row (its line in the file, the header is 1) and its cells by column, without spaces round them.

    Raises:
        FileFormatError: for a missing file, another encoding, a missing, unknown or repeated column, a row with too few
            or too many cells, or an empty cell of a required column.
    """
    lines = csv.reader(io.StringIO(_text(path, name)), strict=True)
    try:
        with row_of(name, 1):
            columns = _columns(next(lines, []), required, optional)
        rows = []
        for cells in lines:
            if any(cell.strip() for cell in cells):
                with row_of(name, lines.line_num):
                    rows.append((lines.line_num, _cells(columns, cells, required)))
    except csv.Error as error:
        raise FileFormatError(f"{name}, row {lines.line_num}: not a CSV line ({error})") from None
    return rows


def _text(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileFormatError(f"there is no file {name}") from None
    except OSError as error:
        raise FileFormatError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{name} is not UTF-8 ({error.reason}); save it as CSV UTF-8") from None


def _columns(header: Sequence[str], required: Sequence[str], optional: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in header]
    wanted = ", ".join(required) + "".join(f"[, {column}]" for column in optional)
    missing = [column for column in required if column not in columns]
    if missing:
        raise FileFormatError(
            f"the column {missing[0]!r} is missing, the columns are {columns}; wanted are {wanted}, separated by commas"
        )
    if set(columns) - {*required, *optional} or len(set(columns)) < len(columns):
        raise FileFormatError(f"unknown or repeated columns in {columns}; wanted are {wanted}")
    return columns


def _cells(columns: Sequence[str], cells: Sequence[str], required: Sequence[str]) -> dict[str, str]:
    if len(cells) != len(columns):
        raise FileFormatError(f"{len(cells)} cells for {len(columns)} columns: {list(cells)}")
    values = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    for column in required:
        if not values[column]:
            raise FileFormatError(f"the cell {column!r} is empty")
    return values
