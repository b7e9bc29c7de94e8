"""What readers say became of lesions, put into their cells: a cell of which something is said waits for nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.fate_store import StudyFates
from lesion_tracker.readers.patient_table import Row
from lesion_tracker.records.fate import FATES, PRESENT
from lesion_tracker.records.said import SaidFate


def with_fates(rows: Sequence[Row], fates: Mapping[str, StudyFates]) -> list[Row]:
    """Return the rows with each cell's fate; a later mark or closing overrules one, as in `lesion_graph`.

    Args:
        rows: the lesions.
        fates: what readers said, by study.
    """
    return [replace(row, cells={name: _said(cell, fates[name]) for name, cell in row.cells.items()}) for row in rows]


def _said(cell: Cell, fates: StudyFates) -> Cell:
    fate = fate_of(cell, fates)
    return cell if fate is cell.fate else replace(cell, fate=fate)


def fate_of(cell: Cell, fates: StudyFates) -> SaidFate | None:
    """Return what a reader's word makes of a cell; None where nothing was said, or it was overruled since."""
    said = fates.fates.get(cell.lesion_id)
    return None if said is None or said.fate == PRESENT.name or _is_overruled(said, cell) else said


def _is_overruled(said: SaidFate, cell: Cell) -> bool:
    against = cell.kind == "closed" or (cell.has_answer and not FATES[said.fate].has_place)
    return against and said.is_before(cell.line, cell.when)
