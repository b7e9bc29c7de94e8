"""All lesions of a patient as a table for a spreadsheet: one line a lesion and study."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lesion_tracker.files.csv_text import csv_text
from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.cell_size import Size, Sizes, growth
from lesion_tracker.readers.patient_table import Row
from lesion_tracker.records.followed import Traits
from lesion_tracker.records.quantity import QUANTITIES
from lesion_tracker.records.track import Track


@dataclass(frozen=True)
class _Line:
    """What one line is about: a point of a lesion in a study, of `date` (YYYYMMDD or "")."""

    patient_id: str
    row: Row
    cell: Cell
    date: str
    sizes: Sizes = field(default_factory=dict)
    traits: Traits = field(default_factory=Traits)

    @property
    def size(self) -> Size | None:
        """The size that counts, where one is known."""
        return self.sizes.get((self.cell.study_id, self.cell.lesion_id))

    def of_size(self, name: str) -> object:
        """Return a number of the size that counts, to a thousandth; "" where it is not known."""
        value = getattr(self.size, name, None)
        return "" if value is None else round(float(value), 3)

    def change(self) -> object:
        """Return by how much the long axis is longer than in the study before in which it is known, mm."""
        size, track = self.size, self.cell.track
        change = growth(self.row.cells, self.sizes, self.cell.study_id)
        if change is None and size is not None and track is not None and track.earlier_long_axis_mm is not None:
            change = size.long_axis_mm - track.earlier_long_axis_mm
        return "" if change is None else round(change, 3)

    def by_track(self, content: Callable[[Track], object]) -> object:
        """Return what the track says, "" where the point was never tracked."""
        return "" if self.cell.track is None else content(self.cell.track)

    def moved_by_reader(self) -> str:
        """Return the distance of the reader's point from the tracked one, mm; "" where there are not both."""
        track, point = self.cell.track, self.cell.center_mm
        return f"{math.dist(point, track.center_mm):.2f}" if track and point and self.cell.has_answer else ""

    def place(self, axis: int) -> str:
        """Return a coordinate of the point, LPS mm; "" where there is none."""
        return "" if self.cell.center_mm is None else f"{self.cell.center_mm[axis]:.2f}"


COLUMNS: dict[str, Callable[[_Line], object]] = {
    "patient": lambda line: line.patient_id,
    "lesion_id": lambda line: line.cell.lesion_id,
    "lesion": lambda line: line.row.label,
    "tracking_uid": lambda line: line.cell.tracking_uid,
    "study": lambda line: line.cell.study_id,
    "study_date": lambda line: line.date,
    "x_mm": lambda line: line.place(0),
    "y_mm": lambda line: line.place(1),
    "z_mm": lambda line: line.place(2),
    "radius_mm": lambda line: f"{line.cell.radius_mm:.2f}" if line.cell.measured else "",
    "status": lambda line: line.cell.kind,
    "shown_as": lambda line: line.cell.state.words,
    "reason": lambda line: line.cell.reason or line.cell.outdated,
    "state": lambda line: line.by_track(lambda track: track.state),
    "confidence": lambda line: line.by_track(lambda track: f"{track.confidence:.3f}"),
    "confidence_calibrated": lambda line: line.by_track(lambda track: track.calibrated),
    "moved_from_expected_mm": lambda line: line.by_track(lambda track: f"{track.moved_mm:.2f}"),
    "moved_by_reader_mm": _Line.moved_by_reader,
    "reader": lambda line: line.cell.who,
    "time": lambda line: line.cell.when,
    "method": lambda line: line.by_track(lambda track: track.method),
    "model": lambda line: line.by_track(lambda track: (track.model or {}).get("name", "")),
    "baseline_study": lambda line: line.by_track(lambda track: track.baseline_study),
}
"""Name and content of each column; positions are LPS mm of the study. `moved_from_expected_mm` is the track's distance
from registration's point; `radius_mm` is of marks alone. Further quantities of tracks come last."""

COLUMNS |= {
    name: lambda line, cell=quantity.cell: line.by_track(cell)  # type: ignore[misc] # mypy infers no default's type
    for name, quantity in QUANTITIES.items()
    if name != "moved_mm"
}
COLUMNS |= {
    "role": lambda line: line.traits.role,
    "organ": lambda line: line.traits.organ,
    "node": lambda line: line.traits.node,
}
COLUMNS["fate"] = lambda line: line.cell.fate.fate if line.cell.fate else ""
COLUMNS["fate_others"] = lambda line: " ".join(line.cell.fate.others) if line.cell.fate else ""
COLUMNS["fate_said_by"] = lambda line: line.cell.fate.said_by if line.cell.fate else ""
COLUMNS |= {
    "long_axis_mm": lambda line: line.of_size("long_axis_mm"),
    "short_axis_mm": lambda line: line.of_size("short_axis_mm"),
    "volume_ml": lambda line: line.of_size("volume_ml"),
    "mean_hu": lambda line: "" if line.size and line.size.when else line.by_track(QUANTITIES["mean_hu"].cell),
    "long_axis_change_mm": _Line.change,
    "check_size": lambda line: line.size.check if line.size else "",
    "size_by": lambda line: line.size.who if line.size else "",
    "size_time": lambda line: line.size.when if line.size else "",
}
"""Of the size that counts: a reader's own, the track's, or what was measured at the point."""


def review_csv(
    patient_id: str,
    rows: Sequence[Row],
    dates: Mapping[str, str],
    sizes: Sizes | None = None,
    traits: Mapping[str, Traits] | None = None,
) -> str:
    """Return the table as CSV.

    Args:
        patient_id: whose lesions they are.
        rows: the lesions.
        dates: YYYYMMDD or "" of each study, earliest first; its order is the order of a lesion's lines.
        sizes: that count; None: none are known.
        traits: what each lesion is in all studies, by id; None: nobody has said.
    """
    lines = (
        _Line(patient_id, row, row.cells[study_id], date, sizes or {}, (traits or {}).get(row.lesion_id, Traits()))
        for row in rows
        for study_id, date in dates.items()
        if study_id in row.cells
    )
    return csv_text(COLUMNS, ([content(line) for content in COLUMNS.values()] for line in lines))
