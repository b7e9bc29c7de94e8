"""Cells that a spreadsheet would take for a formula are quoted in every table that is written."""

import csv
import io
import itertools

import pytest

from lesion_tracker.files.csv_text import FORMULA_SIGNS, csv_text
from lesion_tracker.files.tracks_file import tracks_csv
from lesion_tracker.records.track import Track

FULL_WIDTH = {"=": "＝", "+": "＋", "-": "－", "@": "＠", "|": "｜", "%": "％"}


@pytest.mark.parametrize("sign", FORMULA_SIGNS)
def test_a_sign_is_quoted_also_behind_spaces_and_in_full_width(sign: str) -> None:
    cells = [f"{before}{form}cmd" for before, form in itertools.product(("", "  ", "\t"), (sign, FULL_WIDTH[sign]))]
    _, row = csv.reader(io.StringIO(csv_text("abcdef", [cells])))
    assert row == ["'" + cell for cell in cells]


def test_numbers_words_and_nothing_stay_as_they_are() -> None:
    cells = [-1.5, "-1.5", "+2e-3", "lesion_1", "", 7, "a=b"]
    _, row = csv.reader(io.StringIO(csv_text("abcdefg", [cells])))
    assert row == [str(cell) for cell in cells]


def test_a_track_s_names_are_quoted_in_the_table_of_the_command_line() -> None:
    track = Track("=1+1", "a", "b", (1.0, 2.0, -3.0), 5.0, 0.5, "found", (1.0, 2.0, -3.0), "auto")
    (row,) = csv.DictReader(io.StringIO(tracks_csv([track])))
    assert row["lesion_id"] == "'=1+1"
    assert float(row["z_mm"]) == -3.0
