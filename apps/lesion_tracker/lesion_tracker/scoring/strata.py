"""Lesions in groups: by radius, slice spacing, direction in time, and how far registration was off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lesion_tracker.scoring.answers import Answer

RADIUS_MM = (5.0, 10.0, 20.0)
SLICE_MM = (1.5, 3.0)
PRIOR_MM = (5.0, 10.0, 20.0)
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Group:
    """Some of the answers.

    Args:
        name: such as "5 to 10 mm".
        members: their numbers in the list of answers.
    """

    name: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Stratum:
    """One way to divide the answers; groups without members are left out.

    Args:
        key: for programs.
        title: for readers.
        groups: in order.
    """

    key: str
    title: str
    groups: tuple[Group, ...]


def strata_of(answers: Sequence[Answer]) -> list[Stratum]:
    """Divide answers in every way about which something is known."""
    ways: list[tuple[str, str, Callable[[Answer], str], list[str]]] = [
        ("radius", "radius of the lesion", lambda a: _between(a.radius_mm, RADIUS_MM), _names(RADIUS_MM)),
        ("slice_spacing", "slice spacing of the follow-up", lambda a: _between(a.slice_mm, SLICE_MM), _names(SLICE_MM)),
        ("direction", "direction in time", lambda a: a.direction, ["forward", "backward", "same study"]),
        ("prior", "registration off by", lambda a: _between(a.prior_mm, PRIOR_MM), _names(PRIOR_MM)),
    ]
    found = [Stratum(key, title, _groups(answers, name_of, names)) for key, title, name_of, names in ways]
    return [stratum for stratum in found if any(group.name != UNKNOWN for group in stratum.groups)]


def _groups(answers: Sequence[Answer], name_of: Callable[[Answer], str], names: Sequence[str]) -> tuple[Group, ...]:
    of_each = [name_of(answer) for answer in answers]
    groups = (Group(name, tuple(n for n, own in enumerate(of_each) if own == name)) for name in (*names, UNKNOWN))
    return tuple(group for group in groups if group.members)


def _names(edges_mm: Sequence[float]) -> list[str]:
    between = [f"{low:g} to {high:g} mm" for low, high in pairwise(edges_mm)]
    return [f"< {edges_mm[0]:g} mm", *between, f">= {edges_mm[-1]:g} mm"]


def _between(value: float | None, edges_mm: Sequence[float]) -> str:
    """Return the name of the group; an edge belongs to the group above it."""
    return UNKNOWN if value is None else _names(edges_mm)[sum(value >= edge for edge in edges_mm)]
