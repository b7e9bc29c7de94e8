"""One line of a history as it is read: what it says, of which lesion, on which volume, and where it stands.

A record's line names the volume that it was made on by a stamp, `on` ("" where it was stored before that was kept), and its
place among all lines about its study.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from lesion_tracker.errors import FileFormatError
from lesion_tracker.readers.recent_lines import ReadLine, Said
from lesion_tracker.records.correction import Correction
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


Line = tuple[Stand, Read | Mapping[str, Any]]
"""What a line of a history says: where it stands, and the record, or what a reader did."""


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


def text_of(entry: Mapping[str, Any], key: str) -> str:
    """Return a text of a line.

    Raises:
        FileFormatError: for a line without it, or with something else there.
    """
    if not isinstance(value := entry.get(key), str):
        raise FileFormatError(f"{key!r} is {str(value)[:60]!r}, no text")
    return value


def _stand(entry: Mapping[str, Any], said: object) -> Stand:
    at = entry.get("at", "")
    for kind, when in ((Lesion, "marked_at"), (Correction, "corrected_at"), (Track, "created_at")):
        if isinstance(said, kind):
            at = getattr(said, when)
    return Stand(str(entry.get("on", "")), place_of(entry, str(at)))


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
