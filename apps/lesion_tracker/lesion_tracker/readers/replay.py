"""What a history says now: its lines are read in order, and each undo takes back the last line of its lesion.

A record's line names the volume that it was made on by a stamp, `on` ("" where it was stored before that was kept).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track

UNDO = {"action", "lesion_id", "by", "at"}
ACTION_KEYS: dict[str, dict[str, set[str]]] = {
    "lesion": {"rename": {*UNDO, "label"}, "delete": UNDO, "restore": UNDO, "undo": UNDO, "close": {*UNDO, "as"}},
    "correction": {"undo": UNDO},
    "track": {},
}
"""The keys of each action's line in each history, beside its schema and the stamp of the volume."""

Read = TypeVar("Read")


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


Line = tuple[str, Read | Mapping[str, Any]]
"""What a line of a history says: the stamp of the volume that was meant, and the record, or what a reader did."""

Holds = Callable[[str], bool]
"""Says of the stamp of a volume whether what was said on it counts."""


def lines_of(
    entries: Sequence[Mapping[str, Any]], record: str, read: Callable[[object], Read], name: str
) -> list[Line[Read]]:
    """Return the lines of a history, each record read.

    Args:
        entries: of the history, oldest first.
        record: what it holds: "lesion", "track" or "correction".
        read: makes one.
        name: of the file, for errors.

    Raises:
        FileFormatError: for a line that is neither a record nor a known action.
    """
    lines: list[Line[Read]] = []
    for number, entry in enumerate(entries, start=1):
        is_record = _is_record(entry, record, f"{name}, line {number}")
        lines.append((str(entry.get("on", "")), read(entry[record]) if is_record else entry))
    return lines


def replay_marks(lines: Sequence[Line[Lesion]], holds: Holds) -> dict[str, list[MarkState]]:
    """Return the states of each lesion of a `lesions` history, oldest first; the last one counts."""
    states: dict[str, list[MarkState]] = {}
    for on, line in lines:
        if not holds(on):
            continue
        if isinstance(line, Lesion):
            state = MarkState("mark", line.marked_at, line.marked_by, line, line.label, on=on)
            states.setdefault(line.id, []).append(state)
        else:
            _act(states.setdefault(line["lesion_id"], []), line)
    return {lesion_id: known for lesion_id, known in states.items() if known}


def replay_corrections(lines: Sequence[Line[Correction]], holds: Holds) -> dict[str, list[tuple[Correction, str]]]:
    """Return the corrections of each lesion that were not undone, oldest first, with their stamps; the last one counts."""
    corrections: dict[str, list[tuple[Correction, str]]] = {}
    for on, line in lines:
        if not holds(on):
            continue
        if isinstance(line, Correction):
            corrections.setdefault(line.track.lesion_id, []).append((line, on))
        elif corrections.get(line["lesion_id"]):
            corrections[line["lesion_id"]].pop()
    return {lesion_id: known for lesion_id, known in corrections.items() if known}


def track_lines(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, Track | Failure]]:
    """Return the lines of a `tracks` history, oldest first, each with the stamp of the volume that was meant.

    Raises:
        FileFormatError: for a line that is neither a track nor a failure.
    """
    return [
        (
            str(entry.get("on", "")),
            Failure.from_json(entry["failure"]) if "failure" in entry else Track.from_json(entry.get("track")),
        )
        for entry in entries
    ]


def replay_tracks(
    lines: Sequence[tuple[str, Track | Failure]], holds: Holds
) -> tuple[dict[str, tuple[Track, str]], dict[str, Failure]]:
    """Return the last track of each lesion with its stamp, and why it could not be tracked since, where that was so."""
    tracks: dict[str, tuple[Track, str]] = {}
    failures: dict[str, Failure] = {}
    for on, line in lines:
        if not holds(on):
            continue
        if isinstance(line, Failure):
            failures[line.lesion_id] = line
            continue
        tracks[line.lesion_id] = line, on
        failures.pop(line.lesion_id, None)
    return tracks, failures


def _act(states: list[MarkState], entry: Mapping[str, Any]) -> None:
    if entry["action"] == "undo":
        del states[-1:]
        return
    before = states[-1] if states else MarkState("", "", "")
    state = replace(before, what=entry["action"], at=entry["at"], by=entry["by"])
    if entry["action"] == "rename":
        states.append(replace(state, label=entry["label"]))
    elif entry["action"] == "close":
        states.append(replace(state, deleted=False, closed=entry["as"], closed_at=entry["at"]))
    else:
        states.append(replace(state, deleted=entry["action"] == "delete"))


def _is_record(entry: Mapping[str, Any], record: str, where: str) -> bool:
    """Say whether a line holds a record; else it is an action of a known kind."""
    if set(entry) - {"on"} == {record}:
        return True
    keys = ACTION_KEYS[record].get(str(entry.get("action")))
    if keys is None or set(entry) - {"on"} != keys or not all(isinstance(value, str) for value in entry.values()):
        raise FileFormatError(f"{where}: neither a {record} nor a known action: {str(dict(entry))[:120]}")
    return False
