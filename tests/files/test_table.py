"""A CSV table: what is read whatever wrote it, and what is refused with its row."""

from pathlib import Path

import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.table import read_table, row_of


def rows(tmp_path: Path, content: bytes) -> list[tuple[int, dict[str, str]]]:
    (tmp_path / "t.csv").write_bytes(content)
    return read_table(tmp_path / "t.csv", "t.csv", ("image", "date"), ("series",))


def test_a_byte_order_mark_capitals_spaces_and_empty_lines_do_not_matter(tmp_path: Path) -> None:
    content = '\ufeffDate, IMAGE ,Series\r\n 20200101,"a, b",\r\n\r\n,,\r\n20210101,c,"two\nlines"\r\n'.encode()
    first, second = rows(tmp_path, content)
    assert first == (2, {"date": "20200101", "image": "a, b", "series": ""})
    assert second == (6, {"date": "20210101", "image": "c", "series": "two\nlines"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"",
            r"row 1: the column 'image' is missing, the columns are \[\]; wanted are image, date\[, series\], sep",
        ),
        (b"image,date,date\n", "row 1: unknown or repeated columns in"),
        (b"image,date,colour\n", "row 1: unknown or repeated columns in .*'colour'"),
        (b"image,date\na,b\nc,d,e\n", r"row 3: 3 cells for 2 columns: \['c', 'd', 'e'\]"),
        (b"image,date\na,\n", "row 2: the cell 'date' is empty"),
        (b'image,date\na,"b\n', "row 2: not a CSV line"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FileFormatError, match=f"^t.csv, {message}"):
        rows(tmp_path, content)


def test_a_file_that_is_missing_or_in_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"^there is no file t\.csv"):
        read_table(tmp_path / "t.csv", "t.csv", ("image",))
    with pytest.raises(FileFormatError, match=r"^t\.csv is not UTF-8 .*save it as CSV UTF-8"):
        rows(tmp_path, "image,date\nM\u00fcller,1\n".encode("latin-1"))
    with pytest.raises(FileFormatError, match=r"cannot be read: Is a directory"):
        read_table(tmp_path, "t.csv", ("image",))


def test_what_a_caller_finds_wrong_in_a_row_gets_its_number() -> None:
    with pytest.raises(FileFormatError, match=r"^t\.csv, row 7: no date$"), row_of("t.csv", 7):
        raise FileFormatError("no date")
