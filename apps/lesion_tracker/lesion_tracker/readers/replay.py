"""What a history says now: its lines are read in order, and each undo takes back the last line of its lesion.

A record's line names the volume that it was made on by a stamp, `on` ("" where it was stored before that was kept), and its
place among all lines about its study.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track

Place = tuple[int, str]
"""Where a line stands among all lines about its study: by its number, never by a clock.

Lines of versions that gave no number come first; among themselves their times decide.
"""

PLACE = "place"
"""The key of a line's number; 1 for the first line about a study that has one."""

ASIDE = {"on", PLACE}
"""What every line may have beside its record or action."""

UNDO = {"action", "lesion_id", "by", "at"}
ACTION_KEYS: dict[str, dict[str, set[str]]] = {
    "lesion": {"rename": {*UNDO, "label"}, "delete": UNDO, "restore": UNDO, "undo": UNDO, "close": {*UNDO, "as"}},
    "correction": {"undo": UNDO},
    "track": {},
}
"""The keys of each action's line in each history, beside its schema and the stamp of the volume."""

Read = TypeVar("Read")


@dataclass(frozen=True)
class Stand:
    """On what a line was said, and where it stands.

    Args:
        on: stamp of the volume that was meant.
        place: of the line.
    """

    on: str
    place: Place


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


Line = tuple[Stand, Read | Mapping[str, Any]]
"""What a line of a history says: where it stands, and the record, or what a reader did."""

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
        with of_line(name, number):
            said = read(entry[record]) if _is_record(entry, record) else entry
            lines.append((_stand(entry, said), said))
    return lines


def replay_marks(lines: Sequence[Line[Lesion]], holds: Holds) -> dict[str, list[MarkState]]:
    """Return the states of each lesion of a `lesions` history, oldest first; the last one counts."""
    states: dict[str, list[MarkState]] = {}
    for stand, line in lines:
        if not holds(stand.on):
            continue
        if isinstance(line, Lesion):
            at, by = line.marked_at, line.marked_by
            state = MarkState("mark", at, by, line, line.label, on=stand.on, place=stand.place)
            states.setdefault(line.id, []).append(state)
        else:
            _act(states.setdefault(line["lesion_id"], []), line, stand.place)
    return {lesion_id: known for lesion_id, known in states.items() if known}


def replay_corrections(lines: Sequence[Line[Correction]], holds: Holds) -> dict[str, list[tuple[Correction, Stand]]]:
    """Return the corrections of each lesion that were not undone, oldest first, and where they stand; the last one counts."""
    corrections: dict[str, list[tuple[Correction, Stand]]] = {}
    for stand, line in lines:
        if not holds(stand.on):
            continue
        if isinstance(line, Correction):
            corrections.setdefault(line.track.lesion_id, []).append((line, stand))
        elif corrections.get(line["lesion_id"]):
            corrections[line["lesion_id"]].pop()
    return {lesion_id: known for lesion_id, known in corrections.items() if known}


def track_lines(entries: Sequence[Mapping[str, Any]], name: str) -> list[tuple[Stand, Track | Failure]]:
    """Return the lines of a `tracks` history, oldest first, each with where it stands.

    Raises:
        FileFormatError: for a line that is neither a track nor a failure.
    """
    lines: list[tuple[Stand, Track | Failure]] = []
    for number, entry in enumerate(entries, start=1):
        with of_line(name, number):
            failed = "failure" in entry
            said = Failure.from_json(entry["failure"]) if failed else Track.from_json(entry.get("track"))
            lines.append((_stand(entry, said), said))
    return lines


def replay_tracks(
    lines: Sequence[tuple[Stand, Track | Failure]], holds: Holds
) -> tuple[dict[str, tuple[Track, Stand]], dict[str, Failure]]:
    """Return the last track of each lesion and where it stands, and why it could not be tracked since, where that was so."""
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
    return tracks, failures


def place_of(entry: Mapping[str, Any], at: str) -> Place:
    """Return where a line stands.

    Args:
        entry: the line.
        at: its time, ISO 8601, which counts only where no line of the two has a number.
    """
    number = entry.get(PLACE, 0)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise FileFormatError(f"{PLACE} is {str(number)[:60]!r}, which is no number of a line")
    return number, "" if number else at


@contextmanager
def of_line(name: str, number: int) -> Iterator[None]:
    """Say of an error which line of which file it is about, and what to do."""
    try:
        yield
    except FileFormatError as error:
        raise FileFormatError(f"{name}, line {number}: {error}; restore it from a copy") from None


def _stand(entry: Mapping[str, Any], said: object) -> Stand:
    at = entry.get("at", "")
    for kind, when in ((Lesion, "marked_at"), (Correction, "corrected_at"), (Track, "created_at")):
        if isinstance(said, kind):
            at = getattr(said, when)
    return Stand(str(entry.get("on", "")), place_of(entry, str(at)))


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


def _is_record(entry: Mapping[str, Any], record: str) -> bool:
    """Say whether a line holds a record; else it is an action of a known kind."""
    said = {key: value for key, value in entry.items() if key not in ASIDE}
    if set(said) == {record}:
        return True
    keys = ACTION_KEYS[record].get(str(said.get("action")))
    if keys is None or set(said) != keys or not all(isinstance(value, str) for value in said.values()):
        raise FileFormatError(f"neither a {record} nor a known action: {str(said)[:120]}")
    return False
