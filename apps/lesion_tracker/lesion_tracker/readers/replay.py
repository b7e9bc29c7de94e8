"""What a history says now: its lines are read in order, and each undo takes back the last line of its lesion.

Of a long history only the last lines of each lesion may be at hand: what was left out says `LeftOut`, and where that is not
enough `TooShortError`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lesion_tracker.readers.recent_lines import NOTHING, LeftOut, TooShortError
from lesion_tracker.readers.said_line import Line, Place, Stand
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track


@dataclass(frozen=True)
class MarkState:
    """What the lines about one lesion in one study's `lesions` say.

    Args:
        what: the line that led here: "mark", "rename", "delete", "restore" or "close".
        at: when, ISO 8601.
        by: who.
        mark: the last mark, or None where the lesion was only tracked here.
        label: its name, or "" where nobody gave one.
        deleted: whether it counts.
        closed: as what a reader closed it without a point, one of `lesion_tracker.records.state.CLOSINGS`, or "".
        closed_at: when, ISO 8601.
        on: stamp of the volume on which the mark was set.
        place: of that line.
        closed_place: of the line that closed it.
    """

    what: str
    at: str
    by: str
    mark: Lesion | None = None
    label: str = ""
    deleted: bool = False
    closed: str = ""
    closed_at: str = ""
    on: str = ""
    place: Place = (0, "")
    closed_place: Place = (0, "")


Holds = Callable[[str], bool]
"""Says of the stamp of a volume whether what was said on it counts."""


def replay_marks(
    lines: Sequence[Line[Lesion]], holds: Holds, left_out: LeftOut = NOTHING
) -> dict[str, list[MarkState]]:
    """Return the states of each lesion of a `lesions` history, oldest first; the last one counts.

    Raises:
        TooShortError: if they cannot be known without the lines that were left out.
    """
    states: dict[str, list[MarkState]] = {name: [] for name in left_out.order(holds)}
    short = left_out.lesions(holds)
    for stand, line in lines:
        if not holds(stand.on):
            continue
        if isinstance(line, Lesion):
            at, by = line.marked_at, line.marked_by
            state = MarkState("mark", at, by, line, line.label, on=stand.on, place=stand.place)
            states.setdefault(line.id, []).append(state)
        else:
            known = states.setdefault(line["lesion_id"], [])
            if not known and line["lesion_id"] in short and line["action"] == "undo":
                raise TooShortError
            _act(known, line, stand.place)
    for name in short:  # what was done before the first mark that is at hand was done to one that is not
        first = next((place for place, state in enumerate(states[name]) if state.what == "mark"), None)
        if first is None:
            raise TooShortError
        del states[name][:first]
    return {lesion_id: known for lesion_id, known in states.items() if known}


def replay_corrections(
    lines: Sequence[Line[Correction]], holds: Holds, left_out: LeftOut = NOTHING
) -> dict[str, list[tuple[Correction, Stand]]]:
    """Return the corrections of each lesion that were not undone, oldest first, and where they stand; the last one counts.

    Raises:
        TooShortError: if they cannot be known without the lines that were left out.
    """
    corrections: dict[str, list[tuple[Correction, Stand]]] = {name: [] for name in left_out.order(holds)}
    short = left_out.lesions(holds)
    for stand, line in lines:
        if not holds(stand.on):
            continue
        if isinstance(line, Correction):
            corrections.setdefault(line.track.lesion_id, []).append((line, stand))
        elif corrections.get(line["lesion_id"]):
            corrections[line["lesion_id"]].pop()
        elif line["lesion_id"] in short:
            raise TooShortError
    if not all(corrections.get(name) for name in short):
        raise TooShortError
    return {lesion_id: known for lesion_id, known in corrections.items() if known}


def replay_tracks(
    lines: Sequence[tuple[Stand, Track | Failure]], holds: Holds, left_out: LeftOut = NOTHING
) -> tuple[dict[str, tuple[Track, Stand]], dict[str, Failure]]:
    """Return the last track of each lesion and where it stands, and why it could not be tracked since, where that was so.

    Raises:
        TooShortError: if that cannot be known without the lines that were left out.
    """
    tracks: dict[str, tuple[Track, Stand]] = {}
    failures: dict[str, Failure] = {}
    for stand, line in lines:
        if not holds(stand.on):
            continue
        if isinstance(line, Failure):
            failures[line.lesion_id] = line
            continue
        tracks[line.lesion_id] = line, stand
        failures.pop(line.lesion_id, None)
    if not all(name in tracks for name in left_out.lesions(holds)):
        raise TooShortError
    return {name: tracks[name] for name in (*left_out.order(holds), *tracks) if name in tracks}, failures


def _act(states: list[MarkState], entry: Mapping[str, Any], place: Place) -> None:
    if entry["action"] == "undo":
        del states[-1:]
        return
    before = states[-1] if states else MarkState("", "", "")
    state = replace(before, what=entry["action"], at=entry["at"], by=entry["by"], place=place)
    if entry["action"] == "rename":
        states.append(replace(state, label=entry["label"]))
    elif entry["action"] == "close":
        states.append(replace(state, deleted=False, closed=entry["as"], closed_at=entry["at"], closed_place=place))
    else:
        states.append(replace(state, deleted=entry["action"] == "delete"))
