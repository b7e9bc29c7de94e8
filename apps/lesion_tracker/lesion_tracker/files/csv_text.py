"""Tables as CSV text for spreadsheets, none of whose cells a spreadsheet takes for a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable

FORMULA_SIGNS = ("=", "+", "-", "@", "|", "%")
"""What a spreadsheet takes for the beginning of a formula, or of a command, also behind spaces and in full width."""


def csv_text(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table as CSV, its lines ended by a line feed; what could be a formula is quoted by `'`.

    Args:
        head: names of the columns.
        rows: cells of each line, in the same order.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def harmless(value: object) -> object:
    """Keep a spreadsheet from taking a name for a formula; numbers stay numbers."""
    if isinstance(value, str) and unicodedata.normalize("NFKC", value).strip()[:1] in FORMULA_SIGNS:
        try:
            float(value)
        except ValueError:
            return "'" + value
    return value
