"""A lesion through a patient's studies: what it is in all of them (Followed), and what is known of it in one (Seen)."""

from dataclasses import dataclass
from typing import Literal, get_args

from lesion_tracker.records.fate import FATES, PRESENT
from lesion_tracker.records.json_record import AnyNumber, Flag, JsonRecord, read_record

Role = Literal["", "target", "non-target"]
"""Of a lesion in RECIST; "": nobody has said."""

LONGEST_ORGAN = 64


@dataclass(frozen=True)
class Traits(JsonRecord):
    """What a reader says of a lesion for all studies.

    Args:
        role: in RECIST.
        organ: where it lies, in words ("liver"); "" where nobody has said.
        node: whether it is a lymph node, measured by its short axis.

    Raises:
        ValueError: for an unknown role, or an organ that is no short printable text.
    """

    role: Role = ""
    organ: str = ""
    node: Flag = False

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if self.role not in get_args(Role):
            raise ValueError(f"role must be one of {get_args(Role)}, got {self.role!r}")
        object.__setattr__(self, "organ", " ".join(self.organ.split()))
        if len(self.organ) > LONGEST_ORGAN or not self.organ.isprintable():
            raise ValueError(f"an organ has at most {LONGEST_ORGAN} printable characters, got {self.organ[:200]!r}")

    @property
    def words(self) -> str:
        """What readers see."""
        return ", ".join(filter(None, [self.role, self.organ, "lymph node" if self.node else ""])) or "neither"

    @classmethod
    def from_json(cls, data: object) -> "Traits":
        """Read a record.

        Raises:
            FileFormatError: for an unknown key, or a value that is nonsense.
        """
        return read_record(cls, "lesion's traits", data, "traits of a lesion")


@dataclass(frozen=True)
class Followed:
    """A lesion of a patient, in all studies.

    Args:
        id: as in the marks.
        traits: role, organ, node or not.
        parent: the lesion that it is a part of since that one split; "" for any other.
        label: the name shown.
        tracking_uid: the same in all studies, also after merging and splitting.
    """

    id: str
    traits: Traits = Traits()
    parent: str = ""
    label: str = ""
    tracking_uid: str = ""

    @property
    def name(self) -> str:
        """What readers call it."""
        return self.label or self.id


@dataclass(frozen=True)
class Seen:
    """What is known of a lesion in one study.

    Args:
        fate: one of `lesion_tracker.records.fate.FATES`.
        long_axis_mm: longest diameter in the axial plane, or None where it was not measured.
        short_axis_mm: across it, or None.
        others: the lesion that it merged with, or the parts that it split into.
        confirmed: whether a reader has looked at it; False for what only the tracker says.

    Raises:
        ValueError: for an unknown fate, an axis that is no length, or others that do not belong to the fate.
    """

    fate: str = PRESENT.name
    long_axis_mm: AnyNumber | None = None
    short_axis_mm: AnyNumber | None = None
    others: tuple[str, ...] = ()
    confirmed: bool = True

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if self.fate not in FATES:
            raise ValueError(f"fate must be one of {tuple(FATES)}, got {self.fate!r}")
        for name in ("long_axis_mm", "short_axis_mm"):
            axis = getattr(self, name)
            if axis is not None and not 0 < axis < 1000:
                raise ValueError(
                    f"{name} must be above 0 and below 1000 mm, got {axis!r}; a lesion that is gone has none"
                )
        require_others(self.fate, self.others)


def require_others(fate: str, others: tuple[str, ...]) -> None:
    """Refuse a fate that names other lesions than it can.

    Raises:
        ValueError: with both.
    """
    fits = {"none": not others, "one": len(others) == 1, "several": len(set(others)) == len(others) > 1}
    wanted = FATES[fate].others
    if not fits[wanted]:
        raise ValueError(f"a lesion that is {FATES[fate].words} names {wanted} other lesions, got {others}")
