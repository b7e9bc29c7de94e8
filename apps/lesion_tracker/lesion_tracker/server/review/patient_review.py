"""A patient as the review page shows it, and what a reader's click did."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.readers.fate_store import StudyFates
from lesion_tracker.readers.patient_table import Deleted, Row
from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.records.state import OPEN, State
from lesion_tracker.studies.study import Study


@dataclass(frozen=True)
class Note:
    """What a reader should know of the points of a study.

    Args:
        study_id: the study.
        text: one sentence.
        left_behind: there are points to carry over.
    """

    study_id: str
    text: str
    left_behind: bool


@dataclass(frozen=True)
class Done:
    """What a reader's click did.

    Args:
        done: in words.
        studies: ids of the studies that it changed.
        actions: its name in each of them, by which it can be taken back.
    """

    done: str
    studies: tuple[str, ...]
    actions: Mapping[str, str]


@dataclass(frozen=True)
class PatientReview:
    """A patient as the review page shows it.

    Args:
        patient_id: who.
        studies: earliest first.
        order_note: why their order is only a guess, or "".
        rows: the lesions.
        deleted: the deleted ones.
        notes: points that are on another volume than a study's file holds now.
        damaged: why the lesions cannot be shown: files of the history that are damaged.
        records: of each study, by id, as `rows` were made of them.
        fates: what readers said became of the lesions, and what these are, likewise.
    """

    patient_id: str
    studies: tuple[Study, ...]
    order_note: str
    rows: tuple[Row, ...]
    deleted: tuple[Deleted, ...]
    notes: tuple[Note, ...] = ()
    damaged: tuple[str, ...] = ()
    records: Mapping[str, StudyRecords] = field(default_factory=dict)
    fates: Mapping[str, StudyFates] = field(default_factory=dict)

    @property
    def to_look_at(self) -> list[tuple[State, int]]:
        """Number of cells that no reader has answered, by state; those that were never tracked come first."""
        numbers = Counter(cell.state.name for row in self.rows for cell in row.cells.values() if cell.is_open)
        return [(state, numbers[name]) for name, state in OPEN.items() if numbers[name]]

    @property
    def open_count(self) -> int:
        """Number of all cells that no reader has answered."""
        return sum(number for _, number in self.to_look_at)

    @property
    def outdated(self) -> list[str]:
        """Ids of the lesions of which a track no longer follows from the points before it."""
        return [row.lesion_id for row in self.rows if any(cell.outdated for cell in row.cells.values())]

    def seen(self, deleted: Deleted) -> dict[str, str]:
        """Return what a reader sees of a deleted lesion, by study: what bringing it back answers."""
        return {name: self.records[name].seen(deleted.lesion_id) for name in deleted.studies}

    def require_free(self, name: str, but: str = "") -> None:
        """Refuse a name that another lesion of the patient has, also a deleted one, or one that differs only in case.

        Args:
            name: wanted.
            but: the lesion that may have it.

        Raises:
            InputError: saying so.
        """
        every: list[Row | Deleted] = [*self.rows, *self.deleted]
        others = [one for one in every if one.lesion_id != but]
        if any(name.casefold() in (one.label.casefold(), one.lesion_id.casefold()) for one in others):
            raise InputError(f"another lesion of this patient is called {name!r} already, or was before it was deleted")

    def row(self, lesion_id: str) -> Row:
        """Return a lesion's row.

        Raises:
            NotFound: for an unknown lesion.
        """
        for row in self.rows:
            if row.lesion_id == lesion_id:
                return row
        raise NotFound(f"patient {self.patient_id!r} has no lesion {lesion_id!r}")
