"""What RECIST asks of a baseline: which lesions may be targets, how many, and in which slices."""

from collections import Counter
from collections.abc import Iterator, Sequence

from lesion_tracker.errors import InputError
from lesion_tracker.records.followed import Followed
from lesion_tracker.response.diameters import NORMAL_NODE_MM, targets_of
from lesion_tracker.response.visit import Patient, Visit

MOST_TARGETS, MOST_IN_AN_ORGAN = 5, 2
THICKEST_SLICE_MM = 5.0
SMALLEST_MM, SMALLEST_NODE_MM = 10.0, 15.0
SAME_SLICE_MM = 0.1
NODES = "lymph nodes"
"""All lymph nodes are one organ."""


def selection_warnings(patient: Patient, baseline: Visit) -> list[str]:
    """Return what is wrong with the choice of targets and non-targets, each in one sentence.

    Source: RECIST 1.1, 3.1, 4.2 and appendix II; all lymph nodes are one organ by EORTC's clarifications.
    """
    return [*_too_many(patient), *_too_small(patient, baseline), *_without_role(patient, baseline)]


def slice_warnings(visit: Visit, baseline: Visit) -> list[str]:
    """Return what is wrong with the slices of a study.

    Source: RECIST 1.1, appendix II: at most 5 mm, and the same technique in all studies.
    """
    if visit.slice_mm is None:
        return ["how thick its slices are is not known"]
    notes = []
    if visit.slice_mm > THICKEST_SLICE_MM:
        notes.append(f"its slices of {visit.slice_mm:g} mm are thicker than the {THICKEST_SLICE_MM:g} mm of RECIST")
    if baseline.slice_mm is not None and abs(visit.slice_mm - baseline.slice_mm) > SAME_SLICE_MM:
        notes.append(f"its slices have {visit.slice_mm:g} mm, those of the baseline {baseline.slice_mm:g} mm")
    return notes


def refuse_target(patient: Patient, lesion: Followed) -> None:
    """Refuse a lesion that is to be one target too many.

    Args:
        patient: the lesions as they are.
        lesion: as it is to be; where it is no target, or a part of one that split, there is nothing to refuse.

    Raises:
        InputError: naming the targets that are chosen already.
    """
    if lesion not in targets_of({lesion.id: lesion}):
        return
    others = [one for one in targets_of(patient) if one.id != lesion.id]
    if len(others) >= MOST_TARGETS:
        raise InputError(
            f"{lesion.name} would be one target too many: RECIST allows {MOST_TARGETS}, and {_names(others)} are chosen; "
            "make one of them a non-target first"
        )
    organ = organ_of(lesion)
    beside = [one for one in others if organ and organ_of(one) == organ]
    if len(beside) >= MOST_IN_AN_ORGAN:
        raise InputError(
            f"{lesion.name} would be one target too many in one organ ({organ}): RECIST allows {MOST_IN_AN_ORGAN}, and "
            f"{_names(beside)} are chosen; make one of them a non-target first"
        )


def _names(lesions: Sequence[Followed]) -> str:
    return ", ".join(one.name for one in lesions)


def smallest_target_mm(lesion: Followed, baseline: Visit) -> float:
    """Return the least length of a target at baseline: 10 mm, of a node 15 mm, in thick slices twice their thickness."""
    thick = baseline.slice_mm is not None and baseline.slice_mm > THICKEST_SLICE_MM
    twice = 2 * (baseline.slice_mm or 0.0) if thick else 0.0
    return max(SMALLEST_NODE_MM if lesion.traits.node else SMALLEST_MM, twice)


def _too_many(patient: Patient) -> Iterator[str]:
    targets = targets_of(patient)
    if len(targets) > MOST_TARGETS:
        yield f"{len(targets)} targets are chosen, RECIST allows {MOST_TARGETS}"
    organs = Counter(organ_of(lesion) for lesion in targets)
    unnamed = organs.pop("", 0)
    for organ, count in organs.items():
        if count > MOST_IN_AN_ORGAN:
            yield f"{count} targets lie in one organ ({organ}), RECIST allows {MOST_IN_AN_ORGAN}"
    if unnamed and len(targets) > MOST_IN_AN_ORGAN:
        yield f"{unnamed} targets have no organ: whether more than {MOST_IN_AN_ORGAN} lie in one cannot be checked"


def organ_of(lesion: Followed) -> str:
    """Return what counts as the organ of a lesion, "" where nobody has said."""
    return NODES if lesion.traits.node else lesion.traits.organ.casefold()


def _too_small(patient: Patient, baseline: Visit) -> Iterator[str]:
    for lesion in patient.values():
        seen = baseline.seen.get(lesion.id)
        axis = None if seen is None else seen.short_axis_mm if lesion.traits.node else seen.long_axis_mm
        if axis is None or lesion.parent:
            continue
        least = smallest_target_mm(lesion, baseline)
        which = "short" if lesion.traits.node else "long"
        if lesion.traits.role == "target" and axis < least:
            yield f"{lesion.name} is no target by its size: {which} axis {axis:.1f} mm at baseline, needed are {least:g} mm"
        if lesion.traits.role == "non-target" and lesion.traits.node and axis < NORMAL_NODE_MM:
            yield f"{lesion.name} is a normal lymph node at baseline: short axis {axis:.1f} mm, below {NORMAL_NODE_MM:g} mm"


def _without_role(patient: Patient, baseline: Visit) -> Iterator[str]:
    for lesion in patient.values():
        if not lesion.traits.role and lesion.id in baseline.seen and not lesion.parent:
            yield f"{lesion.name} is neither target nor non-target: it is left out"
        if lesion.traits.role and lesion.id not in baseline.seen and not lesion.parent:
            yield f"{lesion.name} is a {lesion.traits.role}, but is not known at baseline, where these are chosen"
