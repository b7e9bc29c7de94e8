"""The table of fates: what a reader says became of a lesion in a study; files, pages and the rules of response read it."""

from dataclasses import dataclass
from typing import Literal

Others = Literal["none", "one", "several"]
"""Which other lesions a fate names: none; the one that a lesion has become a part of; the parts that it fell into."""


@dataclass(frozen=True)
class Fate:
    """One fate.

    Args:
        name: in records, files and requests.
        words: what readers see.
        meaning: one sentence.
        has_place: whether the lesion has a point of its own in the study; a later mark of it overrules a fate without.
        others: the other lesions that it names.
    """

    name: str
    words: str
    meaning: str
    has_place: bool = True
    others: Others = "none"


PRESENT = Fate("present", "there", "It is seen, and measured where it has axes.")
TOO_SMALL = Fate(
    "too_small", "too small to measure", "It is seen, too faint or small for a true length: it counts 5 mm."
)
GONE = Fate("gone", "gone", "The study shows its place, and it is not there: it counts 0 mm.", has_place=False)
MERGED = Fate(
    "merged",
    "merged",
    "It has become one with another lesion, which is measured for both.",
    has_place=False,
    others="one",
)
SPLIT = Fate("split", "split", "It fell into parts, each of which is measured.", has_place=False, others="several")
NEW = Fate("new", "new", "It was not there before: unequivocal, and not for want of another technique.")
PERHAPS_NEW = Fate(
    "perhaps_new", "perhaps new", "It may be new: the next study decides, and dates it back to this one."
)
PROGRESSED = Fate("progressed", "unequivocally worse", "A lesion that is not measured has grown beyond doubt.")
NOT_ASSESSED = Fate("not_assessed", "not assessed", "The study does not show its place well enough.", has_place=False)

FATES = {
    fate.name: fate for fate in (PRESENT, TOO_SMALL, GONE, MERGED, SPLIT, NEW, PERHAPS_NEW, PROGRESSED, NOT_ASSESSED)
}
"""In the order in which they are offered."""
