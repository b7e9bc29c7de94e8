"""What a history says now: its lines are read in order, and each undo takes back the last line of its lesion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track

ACTION_KEYS = {
    "rename": {"action", "lesion_id", "by", "at", "label"},
    "delete": {"action", "lesion_id", "by", "at"},
    "restore": {"action", "lesion_id", "by", "at"},
    "undo": {"action", "lesion_id", "by", "at"},
    "close": {"action", "lesion_id", "by", "at", "as"},
}
"""The keys of each action's line, beside its schema."""


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
    """

    what: str
    at: str
    by: str
    mark: Lesion | None = None
    label: str = ""
    deleted: bool = False
    closed: str = ""
    closed_at: str = ""


def replay_marks(entries: Sequence[Mapping[str, Any]], name: str) -> dict[str, list[MarkState]]:
    """Return the states of each lesion of a `lesions` history, oldest first; the last one counts.

    Args:
        entries: lines of the history, oldest first.
        name: of the file, for errors.

    Raises:
        FileFormatError: for a line that is neither a mark nor an action.
    """
    states: dict[str, list[MarkState]] = {}
    for number, entry in enumerate(entries, start=1):
        if _is_record(entry, "lesion", f"{name}, line {number}"):
            lesion = Lesion.from_json(entry["lesion"])
            state = MarkState("mark", lesion.marked_at, lesion.marked_by, lesion, lesion.label)
            states.setdefault(lesion.id, []).append(state)
        else:
            _act(states.setdefault(entry["lesion_id"], []), entry)
    return {lesion_id: known for lesion_id, known in states.items() if known}


def replay_corrections(entries: Sequence[Mapping[str, Any]], name: str) -> dict[str, list[Correction]]:
    """Return the corrections of each lesion that were not undone, oldest first; the last one counts.

    Args:
        entries: lines of a `corrections` history, oldest first.
        name: of the file, for errors.

    Raises:
        FileFormatError: for a line that is neither a correction nor an undo.
    """
    corrections: dict[str, list[Correction]] = {}
    for number, entry in enumerate(entries, start=1):
        if _is_record(entry, "correction", f"{name}, line {number}"):
            correction = Correction.from_json(entry["correction"])
            corrections.setdefault(correction.track.lesion_id, []).append(correction)
        elif entry["action"] != "undo":
            raise FileFormatError(f"{name}, line {number}: {entry['action']!r} is no action on a correction")
        elif corrections.get(entry["lesion_id"]):
            corrections[entry["lesion_id"]].pop()
    return {lesion_id: known for lesion_id, known in corrections.items() if known}


def replay_tracks(entries: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Track], dict[str, Failure]]:
    """Return the last track of each lesion, and why it could not be tracked since, where that was so.

    Args:
        entries: lines of a `tracks` history, oldest first.

    Raises:
        FileFormatError: for a line that is neither a track nor a failure.
    """
    tracks: dict[str, Track] = {}
    failures: dict[str, Failure] = {}
    for entry in entries:
        if "failure" in entry:
            failure = Failure.from_json(entry["failure"])
            failures[failure.lesion_id] = failure
            continue
        track = Track.from_json(entry.get("track"))
        tracks[track.lesion_id] = track
        failures.pop(track.lesion_id, None)
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
    if set(entry) == {record}:
        return True
    keys = ACTION_KEYS.get(str(entry.get("action")))
    if keys is None or set(entry) != keys or not all(isinstance(value, str) for value in entry.values()):
        raise FileFormatError(f"{where}: neither a {record} nor a known action: {str(dict(entry))[:120]}")
    return False
