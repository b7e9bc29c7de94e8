"""The sum of diameters of one study: what each target adds, and which targets have no length there."""

from dataclasses import dataclass

from lesion_tracker.records.fate import GONE, NOT_ASSESSED, TOO_SMALL
from lesion_tracker.records.followed import Followed, Seen
from lesion_tracker.response.visit import Patient, Visit, carriers

TOO_SMALL_MM = 5.0
"""What a lesion counts that is seen and cannot be measured (RECIST 1.1, 4.3.2)."""

NORMAL_NODE_MM = 10.0
"""A lymph node with a short axis below this is normal (RECIST 1.1, 3.1.1)."""


@dataclass(frozen=True)
class Diameters:
    """The targets of one study.

    Args:
        parts_mm: by the lesion that is measured: the long axis, of a lymph node the short one.
        missing: targets without a length here, with the reason.
    """

    parts_mm: dict[str, float]
    missing: dict[str, str]

    @property
    def known_mm(self) -> float:
        """The sum of what is known; less than the sum of diameters where something is missing."""
        return float(sum(self.parts_mm.values()))

    @property
    def sum_mm(self) -> float | None:
        """The sum of diameters, or None where a target is missing or there is no target."""
        return None if self.missing or not self.parts_mm else self.known_mm


def targets_of(patient: Patient) -> list[Followed]:
    """Return the targets that were chosen; the parts of one that split are not further ones."""
    return [lesion for lesion in patient.values() if lesion.traits.role == "target" and not lesion.parent]


def diameters_of(patient: Patient, visit: Visit) -> Diameters:
    """Return the diameters of the targets in one study.

    Lesions that truly merged count once, by the one diameter of what they became; a lesion that split counts by all its
    parts. A lymph node keeps its real short axis, also below 10 mm.

    Source: RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009), 4.2 and 4.3.2.
    """
    parts_mm: dict[str, float] = {}
    missing: dict[str, str] = {}
    for target in targets_of(patient):
        found = [name for name in carriers(target.id, visit) if name in patient]
        if not found:
            missing[target.id] = "what it merged with or split into is not known"
        for name in found:
            length = length_mm(patient[name], visit.seen.get(name))
            if isinstance(length, str):
                missing[target.id] = length
            else:
                parts_mm[name] = length
    return Diameters(parts_mm, missing)


def length_mm(lesion: Followed, seen: Seen | None) -> float | str:
    """Return what a lesion counts in a study, mm, or why it has no length there."""
    if seen is None:
        return "nothing is known of it in this study"
    if seen.fate == NOT_ASSESSED.name:
        return "it was not assessed"
    if seen.fate == GONE.name:
        return 0.0
    if seen.fate == TOO_SMALL.name:
        return TOO_SMALL_MM
    axis = seen.short_axis_mm if lesion.traits.node else seen.long_axis_mm
    return float(axis) if axis is not None else f"its {'short' if lesion.traits.node else 'long'} axis was not measured"
