"""What the lines of a study's fates say: each word on a lesion, each that was taken back, and what stands after all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lesion_tracker.errors import FileFormatError
from lesion_tracker.readers.history import History
from lesion_tracker.readers.replay import Holds
from lesion_tracker.readers.said_line import of_line, text_of
from lesion_tracker.readers.volumes_of import UNKNOWN
from lesion_tracker.records.said import SaidFate, SaidTraits

Said = SaidFate | SaidTraits
Of = Literal["", "fate", "traits"]
"""What an undo takes back: the last word of any kind, on what became of a lesion, or on what it is."""

KINDS: Mapping[Of, type[Said] | tuple[type[Said], ...]] = {
    "": (SaidFate, SaidTraits),
    "fate": SaidFate,
    "traits": SaidTraits,
}


@dataclass(frozen=True)
class FateStep:
    """What a reader said of a lesion in a study, or took back.

    Args:
        who: the reader, "" for an unnamed one.
        when: ISO 8601.
        said: the word; None for an undo that found none.
        taken_back: it was taken back, not said.
    """

    who: str
    when: str
    said: Said | None
    taken_back: bool = False

    @property
    def words(self) -> str:
        """Who did what."""
        verb = "took back" if self.taken_back else "said"
        return f"{self.who or 'an unnamed reader'} {verb}: {self.said.words if self.said else 'nothing'}"


@dataclass(frozen=True)
class Words:
    """What a history says: the words that nobody took back, and all steps, oldest first, both by lesion."""

    said: dict[str, list[Said]]
    steps: dict[str, list[FateStep]]


@dataclass(frozen=True)
class Undo:
    """A reader takes back a word on a lesion; `of` says which kind."""

    lesion_id: str
    of: Of
    by: str
    at: str

    def place(self, words: Sequence[Said]) -> int:
        """Return the place of the word that it takes back; behind the last one where there is none."""
        meant = [k for k, word in enumerate(words) if isinstance(word, KINDS[self.of])]
        return meant[-1] if meant else len(words)


@dataclass(frozen=True)
class FateLine:
    """What a line says.

    Args:
        on: stamp of the volume that it is about; None for what holds on any.
        one: the word, or the undo.
    """

    on: str | None
    one: Said | Undo

    def counts(self, holds: Holds) -> bool:
        """Say whether it does for a volume."""
        return self.on is None or holds(self.on)


def replay_fates(lines: Iterable[Said | Undo]) -> Words:
    """Return what stands after all lines, and every step."""
    known = Words({}, {})
    for one in lines:
        words, steps = known.said.setdefault(one.lesion_id, []), known.steps.setdefault(one.lesion_id, [])
        if isinstance(one, Undo):
            taken = words[(k := one.place(words)) : k + 1]
            del words[k : k + 1]
            steps.append(FateStep(one.by, one.at, taken[0] if taken else None, taken_back=True))
        else:
            words.append(one)
            steps.append(FateStep(one.said_by, one.said_at, one))
    return known


def read_fates(history: History) -> list[FateLine]:
    """Return what each line says, and on which volume."""
    lines = []
    for number, entry in enumerate(history.entries(), start=1):
        with of_line(history.name, number):
            on = entry.pop("on", UNKNOWN)
            one = _read(entry)
            of_fate = isinstance(one, SaidFate) or (isinstance(one, Undo) and one.of == "fate")
            lines.append(FateLine(str(on) if of_fate or on else None, one))
    return lines


def _read(entry: Mapping[str, Any]) -> Said | Undo:
    if set(entry) == {"fate"}:
        return SaidFate.from_json(entry["fate"])
    if set(entry) == {"traits"}:
        return SaidTraits.from_json(entry["traits"])
    if set(entry) - {"of"} == {"action", "lesion_id", "by", "at"} and entry["action"] == "undo":
        for of in KINDS:
            if of == entry.get("of", ""):
                return Undo(text_of(entry, "lesion_id"), of, text_of(entry, "by"), text_of(entry, "at"))
    raise FileFormatError(f"neither a fate, nor traits, nor an undo: {str(dict(entry))[:120]}")
