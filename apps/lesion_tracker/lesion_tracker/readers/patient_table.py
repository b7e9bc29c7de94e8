"""What a reader reviews: the lesions of a patient as rows, the studies as columns, a cell where both meet."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.state import READER, STATES
from lesion_tracker.records.track import Track

Kind = Literal["marked", "accepted", "corrected", "tracked"]
"""Who put the point there: a reader's mark, a reader's answer to a track, or the tracker alone."""


@dataclass(frozen=True)
class Cell:
    """One lesion in one study.

    Args:
        study_id: the study.
        lesion_id: the lesion.
        label: its name in this study.
        kind: who put the point there.
        center_mm: the point that counts, LPS mm.
        radius_mm: expected or marked radius, mm.
        tracking_uid: the lesion's in all studies.
        who: the reader who marked, accepted or corrected; "" for a track, or where nobody gave a name.
        when: ISO 8601.
        track: what the tracker said about it, or None.
        tracked_again: a track that was made after the reader's answer, or None.
    """

    study_id: str
    lesion_id: str
    label: str
    kind: Kind
    center_mm: tuple[float, float, float]
    radius_mm: float
    tracking_uid: str
    who: str
    when: str
    track: Track | None = None
    tracked_again: Track | None = None

    @property
    def is_open(self) -> bool:
        """Say whether no reader has looked at it yet."""
        return self.kind == "tracked"

    @property
    def color(self) -> str:
        """What the point is shown as: a name of `lesion_tracker.records.state.SHOWN`."""
        return self.track.state if self.kind == "tracked" and self.track else READER.name

    @property
    def words(self) -> str:
        """The state in words."""
        by = f" by {self.who}" if self.who else ""
        if self.kind == "marked" or self.track is None:
            return f"marked{by}"
        if self.kind == "accepted":
            return f"accepted{by}"
        if self.kind == "corrected":
            return f"corrected{by}"
        return STATES[self.track.state].words

    @property
    def pointless(self) -> str:
        """Why the tracker has no point here, in words, or ""."""
        return "" if self.track is None or self.track.has_point else STATES[self.track.state].words


@dataclass(frozen=True)
class Row:
    """One lesion of a patient in all studies.

    Args:
        lesion_id: the lesion.
        label: the name it got last.
        cells: by study id; a study without a point of this lesion has none.
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


def cells_of(study_id: str, records: StudyRecords) -> list[Cell]:
    """Return the cells of one study."""
    lesions = {lesion.id: lesion for lesion in records.lesions()}
    tracks = {track.lesion_id: track for track in records.tracks()}
    answers = {answer.track.lesion_id: answer for answer in records.corrections()}
    cells = []
    for name in dict.fromkeys([*lesions, *tracks]):
        answer, track, lesion = answers.get(name), tracks.get(name), lesions.get(name)
        if lesion is not None and (answer is None or lesion.marked_at > answer.corrected_at):
            cells.append(_of_mark(study_id, lesion, track))
        elif answer is not None:
            cells.append(_of_answer(study_id, answer, records.superseded_track(answer)))
        elif track is not None:
            cells.append(_of_track(study_id, track))
    return cells


def rows_of(studies: Sequence[str], records: Mapping[str, StudyRecords]) -> list[Row]:
    """Return a patient's lesions in the order of their ids (lesion_2 before lesion_10).

    Args:
        studies: ids, earliest first.
        records: of each.
    """
    by_lesion: dict[str, dict[str, Cell]] = {}
    for study_id in studies:
        for cell in cells_of(study_id, records[study_id]):
            by_lesion.setdefault(cell.lesion_id, {})[study_id] = cell
    return [_row(name, by_lesion[name]) for name in sorted(by_lesion, key=natural_order)]


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
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name) if part]


def _row(lesion_id: str, cells: Mapping[str, Cell]) -> Row:
    first, *later = list(cells.values())
    uid = first.tracking_uid
    conflicting = tuple(c.study_id for c in later if uid and c.tracking_uid and c.tracking_uid != uid)
    names = [cell.label for cell in cells.values() if cell.label != lesion_id]
    return Row(lesion_id, names[-1] if names else lesion_id, cells, conflicting)


def _of_mark(study_id: str, lesion: Lesion, track: Track | None) -> Cell:
    return Cell(
        study_id=study_id,
        lesion_id=lesion.id,
        label=lesion.label,
        kind="marked",
        center_mm=lesion.center_mm,
        radius_mm=float(lesion.radius_mm),
        tracking_uid=lesion.tracking_uid,
        who=lesion.marked_by,
        when=lesion.marked_at,
        track=track,
    )


def _of_answer(study_id: str, answer: Correction, again: Track | None) -> Cell:
    return Cell(
        study_id=study_id,
        lesion_id=answer.track.lesion_id,
        label=answer.track.label,
        kind=answer.verdict,
        center_mm=answer.center_mm,
        radius_mm=answer.track.radius_mm,
        tracking_uid=answer.track.tracking_uid,
        who=answer.corrected_by,
        when=answer.corrected_at,
        track=answer.track,
        tracked_again=again,
    )


def _of_track(study_id: str, track: Track) -> Cell:
    return Cell(
        study_id=study_id,
        lesion_id=track.lesion_id,
        label=track.label or track.lesion_id,
        kind="tracked",
        center_mm=track.center_mm,
        radius_mm=track.radius_mm,
        tracking_uid=track.tracking_uid,
        who="",
        when=track.created_at,
        track=track,
    )
