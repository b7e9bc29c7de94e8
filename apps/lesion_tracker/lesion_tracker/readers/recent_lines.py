"""What still matters of a long history: of each lesion its last lines, so that nobody reads the whole of it again.

What a history says now follows from its last lines, unless more is taken back than they hold: whoever replays them is told
so (`TooShortError`) and reads the whole file. What was left out is counted on by the stamps of its volumes alone.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lesion_tracker.readers.history import History

SCHEMA = 1
MOST_LINES = 2_000
"""A history of so many lines is kept whole in memory."""

LINES_OF_A_LESION = 8
"""So many are kept of each lesion of a longer one, and more where none of them is a record that counts."""


class TooShortError(Exception):
    """More was taken back than the kept lines hold, or none of them holds for the volume that is meant: read the whole."""


@dataclass(frozen=True)
class Said:
    """A line that is kept.

    Args:
        number: in its file; the first is 1.
        text: as it stands there.
        line: what it says, as it is replayed.
        lesion: of which lesion, by id.
        on: stamp of the volume that was meant.
        is_record: a mark, a track or an answer; not what was done to a lesion.
        is_undo: takes back the line of its lesion before it.
        begins: the first such line of a lesion gives it its place among the others.
    """

    number: int
    text: bytes
    line: Any
    lesion: str
    on: str
    is_record: bool
    is_undo: bool
    begins: bool


ReadLine = Callable[[dict[str, Any], bytes, int], Said]
"""Makes what is kept of a line: of its entry, its text and its number in the file."""


@dataclass(frozen=True)
class LeftOut:
    """What is known of lines that are not kept.

    Args:
        first: lesions and stamps in the order in which they came first.
        stamps: of the lines that were left out, by lesion.
    """

    first: tuple[tuple[str, str], ...] = ()
    stamps: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def order(self, holds: Callable[[str], bool]) -> list[str]:
        """Return the lesions in the order in which something that holds was said of them first."""
        return list(dict.fromkeys(lesion for lesion, on in self.first if holds(on)))

    def lesions(self, holds: Callable[[str], bool]) -> list[str]:
        """Return the lesions of which lines that hold were left out."""
        return [lesion for lesion, stamps in self.stamps.items() if any(map(holds, stamps))]


NOTHING = LeftOut()


@dataclass(frozen=True)
class Recent:
    """The lines of a history that are kept.

    Args:
        said: the lines, oldest first.
        left_out: what is known of the others.
        size: of the history when it was read, bytes.
        digest: SHA-256 of these.
        count: how many lines they are.
    """

    said: tuple[Said, ...] = ()
    left_out: LeftOut = NOTHING
    size: int = 0
    digest: str = hashlib.sha256().hexdigest()
    count: int = 0

    @property
    def lines(self) -> list[Any]:
        """Return what they say."""
        return [one.line for one in self.said]

    def grown(self, content: bytes, history: History, read: ReadLine) -> "Recent | None":
        """Return what is kept after a history has grown; None where what was read before has changed.

        Args:
            content: the whole lines of the history.
            history: reads a line.
            read: makes what is kept of a line.

        Raises:
            FileFormatError: for a line that is damaged.
        """
        before = hashlib.sha256(content[: self.size])
        if len(content) < self.size or before.hexdigest() != self.digest:
            return None
        before.update(content[self.size :])
        new = [
            read(history.entry(str(number), line), line, number)
            for number, line in enumerate(content[self.size :].split(b"\n")[:-1], start=self.count + 1)
        ]
        first = dict.fromkeys((one.lesion, one.on) for one in new if one.begins)
        left_out = replace(self.left_out, first=tuple(dict.fromkeys((*self.left_out.first, *first))))
        return _shortened(Recent((*self.said, *new), left_out, len(content), before.hexdigest(), self.count + len(new)))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            "size": self.size,
            "sha256": self.digest,
            "count": self.count,
            "first": self.left_out.first,
            "left_out": {lesion: sorted(stamps) for lesion, stamps in self.left_out.stamps.items()},
            "lines": [(one.number, one.text.decode("utf-8", "surrogateescape")) for one in self.said],
        }

    @classmethod
    def from_json(cls, data: Any, history: History, read: ReadLine) -> "Recent":
        """Read what was kept.

        Raises:
            FileFormatError: for a line that is damaged.
            KeyError, TypeError, ValueError, AttributeError: for anything else.
        """
        if data["schema"] != SCHEMA:
            raise ValueError(data["schema"])
        lines = [(int(number), str(text).encode("utf-8", "surrogateescape")) for number, text in data["lines"]]
        return cls(
            tuple(read(history.entry(str(number), text), text, number) for number, text in lines),
            LeftOut(
                tuple((str(lesion), str(on)) for lesion, on in data["first"]),
                {str(lesion): frozenset(map(str, stamps)) for lesion, stamps in data["left_out"].items()},
            ),
            int(data["size"]),
            str(data["sha256"]),
            int(data["count"]),
        )


def _shortened(recent: Recent) -> Recent:
    """Leave out what is older than the last lines of each lesion, where the lines are many."""
    if len(recent.said) <= MOST_LINES:
        return recent
    by_lesion: dict[str, list[Said]] = {}
    for one in recent.said:
        by_lesion.setdefault(one.lesion, []).append(one)
    kept: set[int] = set()
    stamps = dict(recent.left_out.stamps)
    for lesion, said in by_lesion.items():
        start = _start(said)
        kept.update(one.number for one in said[start:])
        if start:
            stamps[lesion] = stamps.get(lesion, frozenset()) | {one.on for one in said[:start]}
    return replace(
        recent,
        said=tuple(one for one in recent.said if one.number in kept),
        left_out=replace(recent.left_out, stamps=stamps),
    )


def _start(said: Sequence[Said]) -> int:
    """Return the first of a lesion's lines that is kept: so many, and one record among them that nobody took back."""
    undone, found = 0, False
    for place in range(len(said) - 1, -1, -1):
        if said[place].is_undo:
            undone += 1
        elif undone:
            undone -= 1
        else:
            found = found or said[place].is_record
        if found and len(said) - place >= LINES_OF_A_LESION and not undone:
            return place
    return 0
