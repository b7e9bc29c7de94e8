"""The lesion graph of a patient: each lesion through all studies, what became of it in each, and who came of whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.fate_store import StudyFates, traits_said
from lesion_tracker.readers.patient_table import Row, rows_of
from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.records.fate import FATES, MERGED, NOT_ASSESSED, PRESENT, SPLIT
from lesion_tracker.records.followed import Followed, Seen, Traits
from lesion_tracker.records.said import SaidFate


@dataclass(frozen=True)
class LesionGraph:
    """A patient's lesions.

    Args:
        studies: ids, earliest first.
        lesions: by id, in the order of their ids.
        seen: by study, then by lesion; a lesion that nothing is known of in a study has none. Without axes.
        conflicting: lesions whose id means another lesion in some studies, with these studies.
    """

    studies: tuple[str, ...]
    lesions: Mapping[str, Followed]
    seen: Mapping[str, Mapping[str, Seen]]
    conflicting: Mapping[str, tuple[str, ...]]

    def children(self, lesion_id: str) -> tuple[str, ...]:
        """Return the parts that a lesion split into."""
        return tuple(name for name, lesion in self.lesions.items() if lesion.parent == lesion_id)

    def merged_into(self, lesion_id: str) -> str:
        """Return the lesion that a lesion is one with in the last study that knows of it, or ""."""
        last = next(
            (self.seen[study][lesion_id] for study in reversed(self.studies) if lesion_id in self.seen[study]), None
        )
        return last.others[0] if last is not None and last.fate == MERGED.name else ""


def lesion_graph(
    studies: Sequence[str], records: Mapping[str, StudyRecords], fates: Mapping[str, StudyFates]
) -> LesionGraph:
    """Return the graph of a patient.

    A lesion that merged or split is taken to be so in later studies, too, until a reader puts a point there or says otherwise.
    One that a reader closed without a point was not assessed. Of several words of readers the last one counts.
    A part has the node, organ and role of its parent unless it has been given its own.

    Args:
        studies: ids, earliest first.
        records: marks, tracks and answers of each.
        fates: what became of the lesions in each.
    """
    rows = {row.lesion_id: row for row in rows_of(studies, records)}
    seen: dict[str, dict[str, Seen]] = {study: {} for study in studies}
    for name, row in rows.items():
        before: Seen | None = None
        for study in studies:
            before = _seen(row.cells.get(study), fates[study].fates.get(name), before)
            if before is not None:
                seen[study][name] = before
    parents = {
        part: name
        for study in studies
        for name, one in seen[study].items()
        if one.fate == SPLIT.name
        for part in one.others
    }
    traits = {name: one.traits for name, one in traits_said(fates[study] for study in studies).items()}
    lesions = {name: _followed(row, parents, traits) for name, row in rows.items()}
    conflicting = {name: row.conflicting for name, row in rows.items() if row.conflicting}
    return LesionGraph(tuple(studies), lesions, seen, conflicting)


def _seen(cell: Cell | None, said: SaidFate | None, before: Seen | None) -> Seen | None:
    """Return what is known of a lesion in a study.

    Args:
        cell: its point, if there is one.
        said: what a reader says became of it here.
        before: what was known of it in the study before.
    """
    answered = cell is not None and cell.kind in ("marked", "accepted", "corrected")
    closed = cell is not None and cell.kind == "closed"
    if said is not None:
        overruled = closed or (answered and not FATES[said.fate].has_place)
        if not (overruled and cell and said.is_before(cell.line, cell.when)):
            return Seen(said.fate, others=said.others)
    if answered:
        return Seen()
    if before is not None and before.fate in (MERGED.name, SPLIT.name) and not closed:
        return replace(before, confirmed=False)
    if cell is None or cell.kind == "untracked":
        return None
    if cell.kind == "tracked" and cell.track is not None and cell.track.has_point:
        return Seen(PRESENT.name, confirmed=False)
    return Seen(NOT_ASSESSED.name, confirmed=closed)


def _followed(row: Row, parents: Mapping[str, str], traits: Mapping[str, Traits]) -> Followed:
    uid = next((cell.tracking_uid for cell in row.cells.values() if cell.tracking_uid), "")
    heir: str | None = row.lesion_id
    passed: list[str] = []
    while heir is not None and heir not in traits and heir not in passed:
        passed.append(heir)
        heir = parents.get(heir)
    own = traits.get(heir or "", Traits())
    return Followed(row.lesion_id, own, parents.get(row.lesion_id, ""), row.label, uid)
