"""The response by RECIST 1.1 as a table for people: each lesion's length per study, the sums, the category and why."""

from collections.abc import Callable
from dataclasses import dataclass

from lesion_tracker.records.fate import FATES, NEW, PERHAPS_NEW, PRESENT
from lesion_tracker.records.followed import Followed
from lesion_tracker.report.patient_results import LesionResult, PatientResult, StudyResult
from lesion_tracker.response.assessment import WORDS, Assessment, Category, percent
from lesion_tracker.response.diameters import length_mm

NOTHING = "–"
NOT_LOOKED_AT = "no reader has looked at it"


@dataclass(frozen=True)
class Entry:
    """One lesion in one study, in words.

    Args:
        before: stands before the length that counts.
        strong: that length, mm.
        after: stands behind it.
        change: of that length since the last study before in which it was known.
        notes: what a reader should know.
    """

    before: str = ""
    strong: str = ""
    after: str = ""
    change: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One lesion in all studies.

    Args:
        lesion: the lesion.
        entries: one a study.
        least: what else is said of it: whose part it is.
    """

    lesion: Followed
    entries: tuple[Entry, ...]
    least: str = ""


@dataclass(frozen=True)
class ResponseTable:
    """The table.

    Args:
        patient: whose.
        sections: heading and lesions, those without lesions left out.
        sums: name and one text a study: the sum of diameters and its changes; none without targets.
        verdicts: likewise: what the parts of the rules say, and which lesions are new.
        categories: of the patient, one a study, with its words.
    """

    patient: PatientResult
    sections: tuple[tuple[str, tuple[Line, ...]], ...]
    sums: tuple[tuple[str, tuple[str, ...]], ...]
    verdicts: tuple[tuple[str, tuple[str, ...]], ...]
    categories: tuple[tuple[Category, str], ...]


def response_table(patient: PatientResult) -> ResponseTable:
    """Return a patient's table."""
    names: dict[str, list[Line]] = {"Targets": [], "Non-targets": [], "New lesions": [], "Neither": []}
    for lesion in patient.lesions:
        names[_section(patient, lesion)].append(_line(patient, lesion))
    texts: dict[str, Callable[[Assessment], str]] = {
        "Sum of diameters": _sum,
        "since baseline": lambda one: "" if one.nadir_mm is None else _change(one.sum_mm, one.baseline_mm),
        "since the smallest sum": lambda one: _change(one.sum_mm, one.nadir_mm),
        "smallest sum before": lambda one: _nadir(patient, one),
    }
    targets = bool(names["Targets"])
    return ResponseTable(
        patient,
        tuple((name, tuple(lines)) for name, lines in names.items() if lines),
        tuple((name, tuple(map(text, patient.response))) for name, text in texts.items() if targets),
        _verdicts(patient),
        tuple((one.category, WORDS[one.category]) for one in patient.response),
    )


def shown_date(date: str, study_id: str) -> str:
    """Return a date as people write it, the study's id where there is none."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else study_id


def counted_mm(lesion: Followed, one: LesionResult | None) -> float | None:
    """Return the length of a lesion in a study that counts: the long axis, of a node the short one; 0 mm where it is gone."""
    length = length_mm(lesion, one.seen) if one is not None and one.seen.fate not in ("merged", "split") else ""
    return None if isinstance(length, str) else length


def _section(patient: PatientResult, lesion: Followed) -> str:
    if lesion.traits.role:
        return "Targets" if lesion.traits.role == "target" else "Non-targets"
    said = {one.seen.fate for study in patient.studies if (one := study.of(lesion.id)) is not None}
    return "New lesions" if said & {NEW.name, PERHAPS_NEW.name} else "Neither"


def _line(patient: PatientResult, lesion: Followed) -> Line:
    entries: list[Entry] = []
    last: float | None = None
    for number, study in enumerate(patient.studies):
        one = study.of(lesion.id)
        entries.append(_entry(patient, number, lesion, one, last))
        now = counted_mm(lesion, one)
        last = last if now is None else now
    parent = next((other.name for other in patient.lesions if other.id == lesion.parent), "")
    return Line(lesion, tuple(entries), f"a part of {parent}" if parent else "")


def _entry(
    patient: PatientResult, number: int, lesion: Followed, one: LesionResult | None, last: float | None
) -> Entry:
    missing = patient.response[number].missing.get(lesion.id, "") if patient.response else ""
    if one is None:
        return Entry(before=NOTHING, notes=(missing,) if missing else ())
    words = FATES[one.seen.fate].words if one.seen.fate != PRESENT.name else ""
    others = f" ({', '.join(one.seen.others)})" if one.seen.others else ""
    looked = () if one.seen.confirmed or NOT_LOOKED_AT in one.words else (NOT_LOOKED_AT,)
    notes = (*looked, *filter(None, (one.words, missing)))
    length = counted_mm(lesion, one)
    change = _change(length, last)
    if one.seen.long_axis_mm is None:
        counts = f"{length:g} mm" if length is not None else ""
        words = words or ("there" if one.seen.confirmed else "tracked")
        return Entry(f"{words}{others}{': ' if counts else ''}", counts, "", change, notes)
    long_mm, short_mm = f"{one.seen.long_axis_mm:.1f}", f"{one.seen.short_axis_mm or 0:.1f}"
    said = f", {words}{others}" if words else ""
    if lesion.traits.node:
        return Entry(f"{long_mm} × ", short_mm, f" mm{said}", change, notes)
    return Entry("", long_mm, f" × {short_mm} mm{said}", change, notes)


def _change(now_mm: float | None, before_mm: float | None) -> str:
    if now_mm is None or before_mm is None or now_mm == before_mm == 0:
        return ""
    share = percent(now_mm, before_mm)
    return f"{now_mm - before_mm:+.1f} mm" + ("" if share is None else f" ({share:+.0f} %)")


def _sum(one: Assessment) -> str:
    return "not complete" if one.sum_mm is None else f"{one.sum_mm:.1f} mm"


def _nadir(patient: PatientResult, one: Assessment) -> str:
    if one.nadir_mm is None or not one.nadir_study:
        return ""
    study = next(each for each in patient.studies if each.study.id == one.nadir_study)
    return f"{one.nadir_mm:.1f} mm, {_date(study)}"


def _verdicts(patient: PatientResult) -> tuple[tuple[str, tuple[str, ...]], ...]:
    later = patient.response[1:]
    names = {lesion.id: lesion.name for lesion in patient.lesions}
    rows: dict[str, list[str]] = {
        "Targets": [one.target or "" for one in later],
        "Non-targets": [one.non_target or "" for one in later],
        "New lesions": [", ".join(names.get(name, name) for name in one.new_lesions) or "none" for one in later],
    }
    return tuple((name, ("", *texts)) for name, texts in rows.items() if any(texts))


def _date(study: StudyResult) -> str:
    return shown_date(study.study.study_date, study.study.id)
