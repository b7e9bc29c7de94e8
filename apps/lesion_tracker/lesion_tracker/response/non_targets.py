"""The response of the non-targets, and which lesions are new."""

from collections.abc import Sequence

from lesion_tracker.records.fate import GONE, NEW, NOT_ASSESSED, PERHAPS_NEW, PROGRESSED, TOO_SMALL
from lesion_tracker.records.followed import Followed, Seen
from lesion_tracker.response.assessment import Category, Finding
from lesion_tracker.response.diameters import NORMAL_NODE_MM
from lesion_tracker.response.visit import Patient, Visit, carriers


def non_target_response(patient: Patient, visit: Visit, was_complete: bool) -> Finding | None:
    """Return the response of the non-targets in a study after the baseline, or None where there are none.

    Args:
        patient: the lesions.
        visit: the study.
        was_complete: whether the last evaluable category was CR.

    Source: RECIST 1.1, 4.3.3 and 4.3.4; reappearance by EORTC's clarifications: a non-target node only when it progresses.
    """
    lesions = [one for one in patient.values() if one.traits.role == "non-target" and not one.parent]
    if not lesions:
        return None
    by: dict[Category, list[Followed]] = {}
    for lesion in lesions:
        by.setdefault(_category(patient, lesion, visit), []).append(lesion)
    if "PD" in by:
        return Finding("PD", f"{_names(by['PD'])}: unequivocal progression of a non-target", "4.3.4")
    back = [one for one in by.get("non-CR/non-PD", []) if not one.traits.node] if was_complete else []
    if back:
        return Finding("PD", f"after a complete response {_names(back)} is there again", "appendix III; EORTC")
    if "NE" in by:
        return Finding("NE", f"not all non-targets are evaluated: {_names(by['NE'])}", "4.4.2")
    if "non-CR/non-PD" in by:
        return Finding("non-CR/non-PD", f"non-targets persist: {_names(by['non-CR/non-PD'])}", "4.3.3")
    return Finding("CR", "all non-targets are gone, or lymph nodes of normal size", "4.3.3")


def new_lesions(patient: Patient, visits: Sequence[Visit], number: int) -> list[str]:
    """Return the unequivocally new lesions that are seen in a study.

    One that was perhaps new and was called new later counts from where it was first seen. A lymph node below 10 mm is no
    lesion.

    Args:
        patient: the lesions.
        visits: all studies, earliest first.
        number: of the study.

    Source: RECIST 1.1, 4.3.5 and 3.1.1.
    """
    first: dict[str, int] = {}
    called: set[str] = set()
    for k, visit in enumerate(visits[1:], start=1):
        for name, seen in visit.seen.items():
            if seen.fate in (NEW.name, PERHAPS_NEW.name):
                first.setdefault(name, k)
            if seen.fate == NEW.name:
                called.add(name)
    here = visits[number].seen
    return sorted(
        name
        for name in called & set(here) & set(patient)
        if first[name] <= number and _is_seen(here[name]) and not is_normal_node(patient[name], here[name])
    )


def is_normal_node(lesion: Followed, seen: Seen) -> bool:
    """Say whether a lymph node has a normal short axis; one that is too small to measure has."""
    small = seen.short_axis_mm is not None and seen.short_axis_mm < NORMAL_NODE_MM
    return lesion.traits.node and (small or seen.fate == TOO_SMALL.name)


def _category(patient: Patient, lesion: Followed, visit: Visit) -> Category:
    found = [name for name in carriers(lesion.id, visit) if name in patient]
    kinds = {_own(patient[name], visit.seen.get(name)) for name in found} or {"NE"}
    order: tuple[Category, ...] = ("PD", "NE", "non-CR/non-PD", "CR")
    return next(kind for kind in order if kind in kinds)


def _own(lesion: Followed, seen: Seen | None) -> Category:
    if seen is None or seen.fate == NOT_ASSESSED.name:
        return "NE"
    if seen.fate == PROGRESSED.name:
        return "PD"
    return "CR" if seen.fate == GONE.name or is_normal_node(lesion, seen) else "non-CR/non-PD"


def _is_seen(seen: Seen) -> bool:
    return seen.fate not in (GONE.name, NOT_ASSESSED.name)


def _names(lesions: Sequence[Followed]) -> str:
    return ", ".join(lesion.name for lesion in lesions)
