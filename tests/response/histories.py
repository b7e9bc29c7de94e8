"""Constructed histories in short: a lesion is a word, a study says of each lesion a length or a fate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesion_tracker.records.followed import Followed, Seen, Traits
from lesion_tracker.response.assessment import Assessment
from lesion_tracker.response.recist import assess
from lesion_tracker.response.visit import Visit


@dataclass(frozen=True)
class History:
    """One line of histories.txt; `want` are the categories of the studies after the baseline, `source` the last one's."""

    name: str
    kinds: dict[str, str]
    said: list[dict[str, str]]
    want: str
    source: str


def written_histories() -> list[History]:
    """Return the histories of histories.txt."""
    lines = Path(__file__).with_name("histories.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return [
        History(name, _words(kinds), [_words(study) for study in said.split(" / ")], want, source)
        for name, kinds, said, want, source in rows
    ]


def _words(text: str) -> dict[str, str]:
    return {part.split()[0]: part.split(maxsplit=1)[1] for part in text.split(", ")}


def lesions(kinds: Mapping[str, str]) -> list[Followed]:
    """Return lesions of "target liver", "non-target node neck", "none lung" or "part of a"."""
    return [_lesion(name, kind, kinds) for name, kind in kinds.items()]


def visits(said: Sequence[Mapping[str, Any]], slice_mm: Sequence[float] | float = 1.0) -> list[Visit]:
    """Return studies s0, s1 … of one month each; a number is the axis that counts: 12, "new 12", "merged a", "split a b"."""
    thick = [slice_mm] * len(said) if isinstance(slice_mm, float | int) else slice_mm
    return [
        Visit(f"s{k}", {name: _seen(what) for name, what in one.items()}, f"2024{k + 1:02d}01", thick[k])
        for k, one in enumerate(said)
    ]


def responses(
    kinds: Mapping[str, str], said: Sequence[Mapping[str, Any]], slice_mm: Sequence[float] | float = 1.0
) -> list[Assessment]:
    """Return the assessments of a history."""
    return assess(lesions(kinds), visits(said, slice_mm))


def _lesion(name: str, kind: str, kinds: Mapping[str, str]) -> Followed:
    first, *organ = kind.split()
    if first == "part":
        return Followed(name, Traits(node=kinds[organ[1]].split()[1] == "node"), parent=organ[1])
    role = {"target": "target", "non-target": "non-target", "none": ""}[first]
    return Followed(name, Traits(role, " ".join(organ), "node" in organ))  # type: ignore[arg-type] # one of the three


def _seen(what: float | str) -> Seen:
    """Both axes, so that the wrong one of a node would be noticed: a nodal history gives the short one as ("node", mm)."""
    if isinstance(what, int | float):
        return Seen(long_axis_mm=float(what))
    fate, *more = what.split()
    if fate[0].isdigit():
        return Seen(long_axis_mm=float(fate))
    if fate == "node":
        return Seen(long_axis_mm=3 * float(more[0]), short_axis_mm=float(more[0]))
    if fate in ("merged", "split"):
        return Seen(fate, others=tuple(more))
    if more and more[0] == "node":
        return Seen(fate, long_axis_mm=3 * float(more[1]), short_axis_mm=float(more[1]))
    return Seen(fate, long_axis_mm=float(more[0]) if more else None)
