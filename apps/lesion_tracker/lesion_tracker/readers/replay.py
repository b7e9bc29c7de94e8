"""What a history says now: its lines are read in order, and each undo takes back the last line of its lesion.

A record's line names the volume that it was made on by a stamp, `on` ("" where it was stored before that was kept), and its
place among all lines about its study. Of a long history only the last lines of each lesion may be at hand: what was left out
says `LeftOut`, and where that is not enough `TooShortError`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lesion_tracker.errors import FileFormatError
from lesion_tracker.readers.recent_lines import NOTHING, LeftOut, ReadLine, Said, TooShortError
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


def reads(record: str, kinds: Mapping[str, Callable[[object], Any]], name: str) -> ReadLine:
    """Return what reads the lines of a history.

    Args:
        record: what the history holds: "lesion", "track" or "correction".
        kinds: makes a record of each key that one stands under.
        name: of the file, for errors.

    Returns:
        A function that raises FileFormatError for a line that is neither a record nor a known action.
    """

    def read(entry: dict[str, Any], text: bytes, number: int) -> Said:
        with of_line(name, number):
            key = _kind(entry, record, kinds)
            said: Any = kinds[key](entry[key]) if key else entry
            stand = _stand(entry, said)
            undo = not key and entry["action"] == "undo"
            begins = key == record or record == "lesion"
            return Said(number, text, (stand, said), lesion_of(said), stand.on, key == record, undo, begins)

    return read


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


def lesion_of(said: Any) -> str:
    """Return the id of the lesion that a line is about."""
    if isinstance(said, Lesion):
        return said.id
    if isinstance(said, Correction):
        return said.track.lesion_id
    return str(said["lesion_id"]) if isinstance(said, Mapping) else str(said.lesion_id)


def _kind(entry: Mapping[str, Any], record: str, kinds: Mapping[str, object]) -> str:
    """Return the key under which a line holds a record, or "" for an action of a known kind."""
    said = {key: value for key, value in entry.items() if key not in ASIDE}
    if len(said) == 1 and (key := next(iter(said))) in kinds:
        return key
    keys = ACTION_KEYS[record].get(str(said.get("action")))
    if keys is None or set(said) != keys or not all(isinstance(value, str) for value in said.values()):
        raise FileFormatError(f"neither a {record} nor a known action: {str(said)[:120]}")
    return ""
