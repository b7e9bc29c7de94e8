"""What a history says now: its lines are read in order, and each undo takes back the last line of its lesion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion

ACTION_KEYS = {
    "rename": {"action", "lesion_id", "by", "at", "label"},
    "delete": {"action", "lesion_id", "by", "at"},
    "restore": {"action", "lesion_id", "by", "at"},
    "undo": {"action", "lesion_id", "by", "at"},
}
"""The keys of each action's line, beside its schema."""


@dataclass(frozen=True)
class MarkState:
    """What the lines about one lesion in one study's `lesions` say.

    Args:
        what: the line that led here: "mark", "rename", "delete" or "restore".
        at: when, ISO 8601.
        by: who.
        mark: the last mark, or None where the lesion was only tracked here.
        label: its name, or "" where nobody gave one.
        deleted: whether it counts.
    """

    what: str
    at: str
    by: str
    mark: Lesion | None = None
    label: str = ""
    deleted: bool = False


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


def _act(states: list[MarkState], entry: Mapping[str, Any]) -> None:
    if entry["action"] == "undo":
        del states[-1:]
        return
    before = states[-1] if states else MarkState("", "", "")
    state = replace(before, what=entry["action"], at=entry["at"], by=entry["by"])
    states.append(
        replace(state, label=entry["label"])
        if "label" in entry
        else replace(state, deleted=entry["action"] == "delete")
    )


def _is_record(entry: Mapping[str, Any], record: str, where: str) -> bool:
    """Say whether a line holds a record; else it is an action of a known kind."""
    if set(entry) == {record}:
        return True
    keys = ACTION_KEYS.get(str(entry.get("action")))
    if keys is None or set(entry) != keys or not all(isinstance(value, str) for value in entry.values()):
        raise FileFormatError(f"{where}: neither a {record} nor a known action: {str(dict(entry))[:120]}")
    return False
