"""What was said of one lesion in one study, step by step: who, when, from where to where, and what was taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lesion_tracker.readers.replay import Holds
from lesion_tracker.readers.said_line import Line, Place, lesion_of
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.state import CLOSINGS
from lesion_tracker.records.track import Track

Said = Lesion | Track | Failure | Correction | Mapping[str, Any]
Point = tuple[float, float, float]

WORDS = {
    "mark": "marked it",
    "corrected": "corrected it",
    "accepted": "accepted it",
    "rename": "renamed it",
    "delete": "deleted it",
    "restore": "restored it",
    "close": "closed it",
    "undo": "took back a step",
    "track": "tracked it",
    "failure": "could not track it",
}
"""What a step did, in words."""


@dataclass(frozen=True)
class Step:
    """One line about a lesion in a study.

    Args:
        action: names it among all about its study, for ever.
        what: one of WORDS.
        who: the reader; "" where nobody gave a name, and for the tracker.
        when: ISO 8601.
        tag: the history that it stands in.
        said: its record, or what a reader did.
        place: where it stands among all about its study.
        from_mm: the point before, LPS mm; None where there was none.
        to_mm: the point after.
        comment: what else is to know.
        taken_back: the step that this one took back, or None.
        on: stamp of the volume on which it was done.
    """

    action: str
    what: str
    who: str
    when: str
    tag: str
    said: Said
    place: Place
    from_mm: Point | None = None
    to_mm: Point | None = None
    comment: str = ""
    taken_back: "Step | None" = None
    on: str = ""

    @property
    def words(self) -> str:
        """Who did what."""
        by = "the tracker" if self.what in ("track", "failure") else self.who or "an unnamed reader"
        back = f" ({self.taken_back.what})" if self.taken_back else ""
        return f"{by} {WORDS[self.what]}{back}"


def action_id(place: Place) -> str:
    """Return the name of a step: its number among all about its study, or, where that was not kept, its time."""
    number, at = place
    return str(number) if number else at


def steps_of(lesion_id: str, lines: Mapping[str, Sequence[Line[Any]]], holds: Holds) -> list[Step]:
    """Return the steps of a lesion in a study, oldest first.

    Args:
        lesion_id: the lesion.
        lines: of the study's histories, by tag.
        holds: says of the stamp of a volume whether what was said on it counts.
    """
    own = [
        replace(_step(tag, stand.place, said), on=stand.on)
        for tag, known in lines.items()
        for stand, said in known
        if lesion_of(said) == lesion_id and holds(stand.on)
    ]
    steps: list[Step] = []
    standing: list[Step] = []
    for step in sorted(own, key=lambda one: one.place):
        before, taken_back = _point(standing), None
        if step.what == "undo":
            taken_back = next((one for one in reversed(standing) if one.tag == step.tag), None)
            standing = [one for one in standing if one is not taken_back]
        else:
            standing.append(step)
        steps.append(replace(step, from_mm=before, to_mm=_point(standing), taken_back=taken_back))
    return steps


def _step(tag: str, place: Place, said: Said) -> Step:
    if isinstance(said, Lesion):
        return Step(action_id(place), "mark", said.marked_by, said.marked_at, tag, said, place, to_mm=said.center_mm)
    if isinstance(said, Correction):
        who, when = said.corrected_by, said.corrected_at
        return Step(action_id(place), said.verdict, who, when, tag, said, place, to_mm=said.center_mm)
    if isinstance(said, Track):
        comment = f"from {said.baseline_study}, {said.method}" + (f"; {said.note}" if said.note else "")
        point = said.center_mm if said.has_point else None
        return Step(action_id(place), "track", "", said.created_at, tag, said, place, to_mm=point, comment=comment)
    if isinstance(said, Failure):
        return Step(action_id(place), "failure", "", said.failed_at, tag, said, place, comment=said.reason)
    what, closing = said["action"], said.get("as", "")
    comment = said.get("label", "") or (CLOSINGS[closing].words if closing in CLOSINGS else closing)
    return Step(action_id(place), what, said["by"], said["at"], tag, said, place, comment=comment)


def _point(standing: Sequence[Step]) -> Point | None:
    """Return the point that counts after steps that stand: a track does not move what a reader has answered."""
    last = next((one for one in reversed(standing) if one.what in ("mark", "corrected", "accepted", "close")), None)
    last = last or next((one for one in reversed(standing) if one.what == "track"), None)
    return last.to_mm if last else None
