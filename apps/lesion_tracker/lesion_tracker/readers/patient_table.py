"""What a reader reviews: the lesions of a patient as rows, the studies as columns, a cell where both meet."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lesion_tracker.readers.cell import Cell, cell_of_answer, cell_of_mark, cell_of_track
from lesion_tracker.readers.outdated import outdated
from lesion_tracker.readers.study_records import StudyRecords


@dataclass(frozen=True)
class Row:
    """One lesion of a patient in all studies.

    Args:
        lesion_id: the lesion.
        label: the name it got last.
        cells: by study id, from the lesion's first point on; before it only where it was tracked or marked.
        conflicting: studies in which another lesion bears the same id.
    """

    lesion_id: str
    label: str
    cells: Mapping[str, Cell]
    conflicting: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deleted:
    """A lesion that was deleted in some studies.

    Args:
        lesion_id: the lesion.
        label: its last name.
        studies: ids of the studies in which it was deleted.
    """

    lesion_id: str
    label: str
    studies: tuple[str, ...]


def cells_of(study_id: str, records: StudyRecords) -> Iterator[Cell]:
    """Yield the cells of one study about which somebody or the tracker has said something."""
    lesions = {lesion.id: lesion for lesion in records.lesions()}
    tracks = {track.lesion_id: track for track in records.tracks()}
    answers = {answer.track.lesion_id: answer for answer in records.corrections()}
    for name in dict.fromkeys([*lesions, *tracks]):
        answer, track, lesion = answers.get(name), tracks.get(name), lesions.get(name)
        if lesion is not None and (answer is None or not records.answer_counts(name)):
            yield cell_of_mark(study_id, lesion, track)
        elif answer is not None:
            yield cell_of_answer(study_id, answer, records.superseded_track(answer))
        elif track is not None:
            yield cell_of_track(study_id, track)


def rows_of(studies: Sequence[str], records: Mapping[str, StudyRecords]) -> list[Row]:
    """Return a patient's lesions in the order of their names (lesion_2 before lesion_10), those of one name of their ids.

    Args:
        studies: ids, earliest first.
        records: of each.
    """
    by_lesion: dict[str, dict[str, Cell]] = {}
    for study_id in studies:
        for cell in cells_of(study_id, records[study_id]):
            by_lesion.setdefault(cell.lesion_id, {})[study_id] = cell
    said = {study_id: _Said(study_id, records[study_id]) for study_id in studies}
    rows = []
    for name in by_lesion:
        cells: dict[str, Cell] = {}
        last: Cell | None = None
        for study_id in studies:
            found = said[study_id].cell(name, by_lesion[name].get(study_id), last)
            if found is not None:
                cells[study_id] = last = found
        for study_id, cell in cells.items():
            why = outdated(cell, studies, cells)
            if why:
                cells[study_id] = replace(cell, outdated=why)
        rows.append(_row(name, cells))
    return sorted(rows, key=lambda row: (natural_order(row.label.casefold()), natural_order(row.lesion_id)))


class _Said:
    """What is said in one study about lesions, beside points."""

    def __init__(self, study_id: str, records: StudyRecords) -> None:
        self._study_id = study_id
        self._closed, self._failures, self._deleted = records.closed(), records.failures(), set(records.deleted())
        self._line = records.line_of_answer

    def cell(self, name: str, known: Cell | None, before: Cell | None) -> Cell | None:
        """Return a lesion's cell; None before its first point, and where it was deleted."""
        if known is None and (before is None or name in self._deleted):
            return None
        cell = known or before.without_point(self._study_id)  # type: ignore[union-attr] # one of both is there
        if name in self._closed:
            state = self._closed[name]
            cell = replace(cell, kind="closed", closed=state.closed, who=state.by, when=state.closed_at)
        if name in self._failures:
            kind = "failed" if cell.kind == "untracked" else cell.kind
            cell = replace(cell, kind=kind, reason=self._failures[name].reason)
        answered = cell.has_answer or cell.kind == "closed"
        return replace(cell, line=self._line(name)) if answered else cell


def deleted_of(studies: Sequence[str], records: Mapping[str, StudyRecords]) -> list[Deleted]:
    """Return the lesions that were deleted, each with the studies in which it was."""
    where: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for study_id in studies:
        for name in records[study_id].deleted():
            where.setdefault(name, []).append(study_id)
            labels[name] = records[study_id].label(name)
    return [Deleted(name, labels[name], tuple(where[name])) for name in sorted(where, key=natural_order)]


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return a sort key that takes digits as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name) if part]


def _row(lesion_id: str, cells: Mapping[str, Cell]) -> Row:
    first, *later = list(cells.values())
    uid = first.tracking_uid
    conflicting = tuple(c.study_id for c in later if uid and c.tracking_uid and c.tracking_uid != uid)
    names = [cell.label for cell in cells.values() if cell.label != lesion_id]
    return Row(lesion_id, names[-1] if names else lesion_id, cells, conflicting)
