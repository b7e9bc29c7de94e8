"""What makes a registration doubtful: named with its number, what is usual, and a sentence for the reader."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Doubt:
    """One reason to look twice at an answer that was given all the same.

    Args:
        kind: one of `KINDS`.
        number: what was measured.
        usual: what two states of one patient have at least, or, for numbers that should be small, at most.
        sentence: the same in plain words, for the reader of an answer.

    Raises:
        ValueError: for a kind that nobody knows.
    """

    kind: str
    number: float
    usual: float
    sentence: str

    def __post_init__(self) -> None:
        """Refuse a kind that nobody knows."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {tuple(KINDS)}, got {self.kind!r}")


PASSING = "stopped"
"""The kind that says more of a moment of the machine than of a pair: an answer with it is not remembered."""

KINDS = {
    "agreement": "the images look too different after registration",
    "overlap": "the outlines of the bodies do not cover each other",
    "common": "the studies have little of the body in common",
    "mirrored": "the images look more alike when one of them is mirrored",
    "place": "the studies fit nearly as well at another place",
    "shape": "the affine map found was none that a body can undergo, and a shift was used",
    "library": "a library failed, and a simpler map was used",
    "stopped": "a library was stopped or ended by itself, and a simpler map was used this once",
    "deformation": "the deformation found was none that a body can undergo, and the affine map was used",
}
