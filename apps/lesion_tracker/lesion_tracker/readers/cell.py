"""One lesion in one study, as a reader reviews it: who put its point there, and whether somebody has still to look."""

from dataclasses import dataclass
from typing import Literal

from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.said import SaidFate
from lesion_tracker.records.state import FAILED, OPEN, OUTDATED, READER, SHOWN, STATES, UNTRACKED, State
from lesion_tracker.records.track import Track

Kind = Literal["marked", "accepted", "corrected", "tracked", "closed", "failed", "untracked"]
"""Who said something: a reader's mark, answer or closing, the tracker alone, a refusal of the tracker, nobody."""


@dataclass(frozen=True)
class Cell:
    """One lesion in one study.

    Args:
        study_id: the study.
        lesion_id: the lesion.
        label: its name in this study.
        kind: who said something about it.
        center_mm: the point that counts, LPS mm; None where there is none.
        radius_mm: expected or marked radius, mm.
        tracking_uid: the lesion's in all studies.
        who: the reader who marked, accepted, corrected or closed; "" for a track, or where nobody gave a name.
        when: ISO 8601.
        track: what the tracker said about it, or None.
        tracked_again: a track that was made after the reader's answer, or None.
        closed: as what a reader closed it, a name of `lesion_tracker.records.state.CLOSINGS`, or "".
        reason: why it could not be tracked when it was tried last, or "".
        outdated: why the track no longer follows from the points before it, or "".
        measured: whether `radius_mm` is the size of a mark in this study, not an expected one.
        fate: what a reader says became of it here, or None.
        line: number of the line by which a reader marked, answered or closed it; 0 where nobody did, or it has none.
    """

    study_id: str
    lesion_id: str
    label: str
    kind: Kind
    center_mm: tuple[float, float, float] | None
    radius_mm: float
    tracking_uid: str
    who: str = ""
    when: str = ""
    track: Track | None = None
    tracked_again: Track | None = None
    closed: str = ""
    reason: str = ""
    outdated: str = ""
    measured: bool = False
    fate: SaidFate | None = None
    line: int = 0

    @property
    def state(self) -> State:
        """What it is shown as."""
        if self.fate:
            return READER
        if self.closed:
            return SHOWN[self.closed]
        if self.kind == "tracked" and self.track is not None:
            return OUTDATED if self.outdated else STATES[self.track.state]
        return {"failed": FAILED, "untracked": UNTRACKED}.get(self.kind, READER)

    @property
    def color(self) -> str:
        """The name of what it is shown as."""
        return self.state.name

    @property
    def is_open(self) -> bool:
        """Say whether no reader has answered yet."""
        return self.state.name in OPEN

    @property
    def has_answer(self) -> bool:
        """Say whether a reader has put a point here."""
        return self.kind in ("marked", "accepted", "corrected")

    @property
    def fate_is_last(self) -> bool:
        """Say whether what a reader did last here is to say what became of it."""
        answered = self.has_answer or self.kind == "closed"
        return self.fate is not None and not (answered and self.fate.is_before(self.line, self.when))

    @property
    def can_accept(self) -> bool:
        """Say whether there is a tracked point that a reader can find right."""
        return self.kind == "tracked" and self.track is not None and self.track.has_point

    @property
    def can_agree(self) -> bool:
        """Say whether the tracker expects it outside, and nobody has agreed yet."""
        return self.kind == "tracked" and not self.can_accept

    def without_point(self, study_id: str) -> "Cell":
        """Return the cell of the same lesion in a study in which nobody has said anything about it."""
        return Cell(study_id, self.lesion_id, self.label, "untracked", None, self.radius_mm, self.tracking_uid)

    @property
    def words(self) -> str:
        """The state in words, with who and why."""
        if self.fate:
            return self.fate.words + (f", said by {self.fate.said_by}" if self.fate.said_by else "")
        by = f" by {self.who}" if self.who else ""
        if self.has_answer:
            return f"{self.kind}{by}"
        return f"{self.state.words}: {self.reason}" if self.kind == "failed" else f"{self.state.words}{by}"


def cell_of_mark(study_id: str, lesion: Lesion, track: Track | None) -> Cell:
    """Return the cell of a reader's mark."""
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
        measured=lesion.radius_source != "expected",
    )


def cell_of_answer(study_id: str, answer: Correction, again: Track | None) -> Cell:
    """Return the cell of a reader's answer to a track."""
    return Cell(
        study_id=study_id,
        lesion_id=answer.track.lesion_id,
        label=answer.track.label,
        kind=answer.verdict,
        center_mm=answer.center_mm,
        radius_mm=answer.track.expected_radius_mm,
        tracking_uid=answer.track.tracking_uid,
        who=answer.corrected_by,
        when=answer.corrected_at,
        track=answer.track,
        tracked_again=again,
    )


def cell_of_track(study_id: str, track: Track) -> Cell:
    """Return the cell of a track that nobody has answered."""
    return Cell(
        study_id=study_id,
        lesion_id=track.lesion_id,
        label=track.label or track.lesion_id,
        kind="tracked",
        center_mm=track.center_mm,
        radius_mm=track.expected_radius_mm,
        tracking_uid=track.tracking_uid,
        when=track.created_at,
        track=track,
    )
