"""The table of states: what a lesion is in a study. Python, the review page, OHIF's panel and Slicer read it here."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class State:
    """One state.

    Args:
        name: in records, files and requests.
        words: what readers see.
        color: of its points, "#rrggbb"; readable on the black of a CT.
        meaning: one sentence.
        has_point: whether its point is a place in the scan, which can be shown, accepted and tracked on.
        counted: what it is called among what is to look at, where that is not `words`.
    """

    name: str
    words: str
    color: str
    meaning: str
    has_point: bool = True
    counted: str = ""

    @property
    def count_words(self) -> str:
        """What it is called among what is to look at."""
        return self.counted or self.words


FOUND = State("found", "found", "#5ae178", "The tracker is sure of the point.", counted="found, not confirmed")
UNCERTAIN = State(
    "uncertain", "a reader should look", "#ffc440", "The tracker is not sure of the point.", counted="uncertain"
)
OUTSIDE = State(
    "outside",
    "expected outside of this scan",
    "#ff6050",
    "Registration expects the lesion where the follow-up was not scanned.",
    has_point=False,
    counted="outside",
)

STATES = {state.name: state for state in (FOUND, UNCERTAIN, OUTSIDE)}
"""What a track can be, in the order in which states are listed."""

UNTRACKED = State("untracked", "not tracked", "#b9bec8", "Nobody has looked for the lesion here yet.", has_point=False)
FAILED = State("failed", "could not be tracked", "#ff7ab8", "Tracking was refused here.", False, counted="failed")
OUTDATED = State(
    "outdated",
    "outdated: an earlier point changed",
    "#e3a1ff",
    "A reader changed the point from which it was tracked, or one in between.",
    counted="outdated",
)

OPEN = {state.name: state for state in (UNTRACKED, FAILED, OUTDATED, *STATES.values())}
"""What a reader has still to look at, in the order in which it is counted."""

READER = State("reader", "put there by a reader", "#78beff", "A reader marked, accepted or corrected the point.")
AGREED = State("agreed", "outside: agreed", "#6fd6ea", "A reader agrees that it was not scanned here.", False)
NOT_EVALUABLE = State("not_evaluable", "not evaluable", "#a9b4ff", "A reader cannot judge it here.", False)

CLOSINGS = {state.name: state for state in (AGREED, NOT_EVALUABLE)}
"""How a reader closes a lesion in a study without a point."""

SHOWN = {READER.name: READER, **STATES, **{s.name: s for s in (OUTDATED, FAILED, UNTRACKED)}, **CLOSINGS}
"""As what a lesion can be shown in a study."""


def shown(name: str) -> str:
    """Return a name of `SHOWN`.

    Raises:
        ValueError: for any other.
    """
    if name not in SHOWN:
        raise ValueError(f"a point is shown as one of {', '.join(SHOWN)}, not as {name!r}")
    return name


def states_json() -> dict[str, dict[str, Any]]:
    """Return `SHOWN` as plain JSON values, by name and in order: what clients draw and write points by."""
    return {
        name: {key: value for key, value in asdict(state).items() if key != "name"} for name, state in SHOWN.items()
    }
