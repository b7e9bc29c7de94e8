"""The records of what a reader says of a lesion: what became of it in a study (SaidFate), what it is (SaidTraits)."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Strict

from lesion_tracker.records.fate import FATES
from lesion_tracker.records.followed import Traits, require_others
from lesion_tracker.records.json_record import JsonRecord, read_record


@dataclass(frozen=True)
class SaidFate(JsonRecord):
    """What became of a lesion in a study, as a reader says.

    Args:
        lesion_id: the lesion; its id and tracking_uid stay what they are, also when it merges or splits.
        fate: one of `lesion_tracker.records.fate.FATES`.
        others: the lesion that it merged with, or the parts that it split into, by id.
        tracking_uid: the lesion's.
        said_by: who.
        said_at: when, ISO 8601.
        after: number of the last line about the study's lesions when it was said; -1 in lines of earlier versions.

    Raises:
        ValueError: for an unknown fate, or others that do not belong to it.
    """

    lesion_id: str
    fate: str
    others: tuple[str, ...] = ()
    tracking_uid: str = ""
    said_by: str = ""
    said_at: str = ""
    after: Annotated[int, Strict()] = -1

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if self.fate not in FATES:
            raise ValueError(f"fate must be one of {tuple(FATES)}, got {self.fate!r}")
        require_others(self.fate, self.others)
        if self.lesion_id in self.others:
            raise ValueError(f"{self.lesion_id!r} cannot be {FATES[self.fate].words} with itself")

    def is_before(self, line: int, when: str) -> bool:
        """Say whether a line about the same study was added later; no clock decides where both have their numbers.

        Args:
            line: its number, or 0 where it has none.
            when: ISO 8601.
        """
        return line > self.after if line and self.after >= 0 else when > self.said_at

    @property
    def words(self) -> str:
        """What was said."""
        return FATES[self.fate].words + (f" ({', '.join(self.others)})" if self.others else "")

    @classmethod
    def from_json(cls, data: object) -> "SaidFate":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        return read_record(cls, "fate", data, "fate of {lesion_id!r}")


@dataclass(frozen=True)
class SaidTraits(JsonRecord):
    """What a lesion is in all studies, as a reader says while a study is open.

    Args:
        lesion_id: the lesion.
        traits: role, organ, node or not.
        said_by: who.
        said_at: when, ISO 8601.
        turn: behind how many words on the same lesion it stands, in all studies; 0 in lines of earlier versions, too.
    """

    lesion_id: str
    traits: Traits
    said_by: str = ""
    said_at: str = ""
    turn: Annotated[int, Strict()] = 0

    @property
    def order(self) -> tuple[int, str]:
        """What words on a lesion are sorted by; their times decide only among those of earlier versions."""
        return self.turn, self.said_at

    @property
    def words(self) -> str:
        """What was said."""
        return self.traits.words

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, with its schema version and its traits'."""
        return {**super().to_json(), "traits": self.traits.to_json()}

    @classmethod
    def from_json(cls, data: object) -> "SaidTraits":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        return read_record(cls, "lesion's traits", data, "traits of {lesion_id!r}", {"traits": Traits.from_json})
