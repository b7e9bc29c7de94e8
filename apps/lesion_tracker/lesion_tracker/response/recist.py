"""RECIST 1.1: a patient's lesions and studies to the response in each study."""

from collections.abc import Iterator, Sequence

from lesion_tracker.records.fate import FATES, NEW, PERHAPS_NEW
from lesion_tracker.records.followed import Followed
from lesion_tracker.response.assessment import Assessment, Category, Finding, percent
from lesion_tracker.response.diameters import NORMAL_NODE_MM, Diameters, diameters_of
from lesion_tracker.response.non_targets import is_normal_node, new_lesions, non_target_response
from lesion_tracker.response.selection import SMALLEST_NODE_MM, selection_warnings, slice_warnings
from lesion_tracker.response.targets import Before, target_response
from lesion_tracker.response.visit import Patient, Visit


def assess(lesions: Sequence[Followed], visits: Sequence[Visit]) -> list[Assessment]:
    """Return the response in each study.

    Categories are those of the single study, not the best overall response, and none is confirmed by a later study.

    Args:
        lesions: of the patient.
        visits: the studies, earliest first; the first is the baseline.

    Raises:
        ValueError: for two lesions of one id, one study given twice, or dates that run backward.

    Source: Eisenhauer et al., New response evaluation criteria in solid tumours: revised RECIST guideline (version 1.1),
    Eur J Cancer 45 (2009) 228-247; Schwartz et al., RECIST 1.1: update and clarification, Eur J Cancer 62 (2016) 132-137.
    """
    patient = {lesion.id: lesion for lesion in lesions}
    _require_order(lesions, visits)
    done: list[Assessment] = []
    for number, visit in enumerate(visits):
        done.append(_assess(patient, visits, number, done) if number else _baseline(patient, visit))
    return done


def _baseline(patient: Patient, visit: Visit) -> Assessment:
    now = diameters_of(patient, visit)
    finding = Finding("baseline", "the study that later ones are compared with", "4.2")
    new = [patient[name].name for name, seen in visit.seen.items() if name in patient and seen.fate == NEW.name]
    wrong = [f"{name} is called new in the first study: it counts as there from the start" for name in new]
    notes = [*slice_warnings(visit, visit), *selection_warnings(patient, visit), *wrong, *_unconfirmed(patient, visit)]
    return _assessment(visit, finding, (None, None), [], now, Before({}, now.sum_mm), notes)


def _assess(patient: Patient, visits: Sequence[Visit], number: int, done: Sequence[Assessment]) -> Assessment:
    visit, now = visits[number], diameters_of(patient, visits[number])
    before = Before(
        {one.study_id: one.sum_mm for one in done if one.sum_mm is not None},
        done[0].sum_mm,
        next((one.category == "CR" for one in reversed(done) if one.category != "NE"), False),
    )
    target = target_response(patient, now, before)
    non_target = non_target_response(patient, visit, before.was_complete)
    new = new_lesions(patient, visits, number)
    finding = _overall(target, non_target, [patient[name] for name in new])
    notes = [
        *slice_warnings(visit, visits[0]),
        *_of_new_ones(patient, visit, new),
        *_unconfirmed(patient, visit),
        *_of_the_course(finding.category, done),
    ]
    return _assessment(visit, finding, (target, non_target), new, now, before, notes)


def _overall(target: Finding | None, non_target: Finding | None, new: Sequence[Followed]) -> Finding:
    """Return the patient's category: tables 1 and 2 of RECIST 1.1, 4.4.2."""
    if new:
        return Finding("PD", f"new: {', '.join(lesion.name for lesion in new)}", "4.3.5")
    parts = [part for part in (target, non_target) if part is not None]
    for part in parts:
        if part.category == "PD":
            return part
    if not parts:
        return Finding("NE", "no lesion is a target or a non-target", "4.2")
    if target is None:
        return Finding(parts[0].category, parts[0].rule, "table 2")
    rest = "" if non_target is None else f"; {non_target.rule}"
    lowered = target.category == "CR" and non_target is not None and non_target.category != "CR"
    return Finding(
        "PR" if lowered else target.category, f"{target.rule}{rest}", "table 1" if non_target else target.source
    )


def _assessment(
    visit: Visit,
    finding: Finding,
    parts: tuple[Finding | None, Finding | None],
    new: Sequence[str],
    now: Diameters,
    before: Before,
    notes: Sequence[str],
) -> Assessment:
    study, nadir_mm = before.nadir or ("", None)
    target, non_target = (part.category if part else None for part in parts)
    return Assessment(
        study_id=visit.study_id,
        date=visit.date,
        category=finding.category,
        rule=finding.rule,
        source=finding.source,
        target=target,
        non_target=non_target,
        new_lesions=tuple(new),
        parts_mm=now.parts_mm,
        missing=now.missing,
        sum_mm=now.sum_mm,
        baseline_mm=before.baseline_mm,
        nadir_mm=nadir_mm,
        nadir_study=study,
        from_baseline_percent=percent(now.sum_mm, before.baseline_mm),
        from_nadir_percent=percent(now.sum_mm, nadir_mm),
        warnings=tuple(notes),
    )


def _of_new_ones(patient: Patient, visit: Visit, new: Sequence[str]) -> Iterator[str]:
    for name, seen in visit.seen.items():
        lesion = patient.get(name)
        if lesion is None or seen.fate not in (NEW.name, PERHAPS_NEW.name):
            continue
        if is_normal_node(lesion, seen):
            yield f"{lesion.name} is a lymph node below {NORMAL_NODE_MM:g} mm: normal, and no new lesion"
        elif name not in new:
            yield f"{lesion.name} is {FATES[seen.fate].words}: if the next study confirms it, progression dates from this one"
        elif lesion.traits.node and (seen.short_axis_mm or SMALLEST_NODE_MM) < SMALLEST_NODE_MM:
            yield (
                f"{lesion.name} is a new lymph node of {seen.short_axis_mm:.1f} mm: where it is the only sign of progression, "
                "EORTC advises to wait for the next study (perhaps new)"
            )
        if lesion.traits.role == "target":
            yield f"{lesion.name} is {FATES[seen.fate].words} and a target: targets are chosen at baseline"


def _unconfirmed(patient: Patient, visit: Visit) -> Iterator[str]:
    names = [patient[name].name for name, seen in visit.seen.items() if name in patient and not seen.confirmed]
    if names:
        yield f"no reader has looked at {', '.join(names)} in this study yet"


def _of_the_course(category: Category, done: Sequence[Assessment]) -> Iterator[str]:
    progressed = next((one.study_id for one in done if one.category == "PD"), None)
    if progressed is not None:
        yield f"progression was established in {progressed}: RECIST's assessment ends there"
    elif category == "SD" and [one.category in ("PR", "CR") for one in done[-2:]] == [True, True]:
        yield "a partial response was there in two studies before: EORTC counts this as a partial response that continues"


def _require_order(lesions: Sequence[Followed], visits: Sequence[Visit]) -> None:
    for what, names in (("lesions", [one.id for one in lesions]), ("studies", [one.study_id for one in visits])):
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise ValueError(f"two {what} have the id {double!r}")
    dates = [visit.date for visit in visits if visit.date]
    if dates != sorted(dates):
        raise ValueError(f"the studies must be given earliest first, got the dates {', '.join(dates)}")
