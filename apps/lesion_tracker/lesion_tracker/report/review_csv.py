"""All lesions of a patient as a table for a spreadsheet: one line a lesion and study."""

import csv
import io
import math
from collections.abc import Mapping, Sequence

from lesion_tracker.readers.patient_table import Cell, Row

COLUMNS = (
    "patient",
    "lesion_id",
    "lesion",
    "tracking_uid",
    "study",
    "study_date",
    "x_mm",
    "y_mm",
    "z_mm",
    "radius_mm",
    "status",
    "state",
    "confidence",
    "confidence_calibrated",
    "moved_from_expected_mm",
    "moved_by_reader_mm",
    "reader",
    "time",
    "method",
    "model",
    "baseline_study",
)
"""Positions are LPS mm of the study; `moved_from_expected_mm` is the track's distance from registration's point,
`moved_by_reader_mm` the distance of the reader's point from the tracked one."""


def review_csv(patient_id: str, rows: Sequence[Row], dates: Mapping[str, str]) -> str:
    """Return the table as CSV.

    Args:
        patient_id: whose lesions they are.
        rows: the lesions.
        dates: YYYYMMDD or "" of each study, earliest first; its order is the order of a lesion's lines.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        for study_id, date in dates.items():
            if study_id in row.cells:
                writer.writerow([_harmless(value) for value in _line(patient_id, row.cells[study_id], row, date)])
    return text.getvalue()


def _line(patient_id: str, cell: Cell, row: Row, date: str) -> list[object]:
    track = cell.track
    point = [f"{value:.2f}" for value in cell.center_mm]
    by_reader = "" if track is None or cell.is_open else f"{math.dist(cell.center_mm, track.center_mm):.2f}"
    said: list[object] = ["", "", ""] if track is None else [track.state, f"{track.confidence:.3f}", track.calibrated]
    moved = "" if track is None else f"{track.moved_mm:.2f}"
    model = (track.model or {}).get("name", "") if track else ""
    made = [track.method, model, track.baseline_study] if track else ["", "", ""]
    head: list[object] = [patient_id, cell.lesion_id, row.label, cell.tracking_uid, cell.study_id, date, *point]
    return [*head, f"{cell.radius_mm:.2f}", cell.kind, *said, moved, by_reader, cell.who, cell.when, *made]


def _harmless(value: object) -> object:
    """Keep a spreadsheet from taking a name for a formula; numbers stay numbers."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        try:
            float(value)
        except ValueError:
            return "'" + value
    return value
