"""The table of states: what a track says about its point. Python, the review page, OHIF's panel and Slicer read it here."""

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
    """

    name: str
    words: str
    color: str
    meaning: str
    has_point: bool = True


FOUND = State("found", "found", "#5ae178", "The tracker is sure of the point.")
UNCERTAIN = State("uncertain", "a reader should look", "#ffc440", "The tracker is not sure of the point.")
OUTSIDE = State(
    "outside",
    "expected outside of this scan",
    "#ff6050",
    "Registration expects the lesion where the follow-up was not scanned.",
    has_point=False,
)

STATES = {state.name: state for state in (FOUND, UNCERTAIN, OUTSIDE)}
"""What a track can be, in the order in which states are listed."""

READER = State("reader", "put there by a reader", "#78beff", "A reader marked, accepted or corrected the point.")
"""No state of a track, but how a point is shown that a reader has answered for."""

SHOWN = {READER.name: READER, **STATES}
"""As what a point can be shown."""


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
