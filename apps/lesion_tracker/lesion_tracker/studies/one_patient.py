"""Whether two studies can be of one patient, the baseline the earlier one: one question for every way in."""

import re
import unicodedata
from dataclasses import dataclass

from lesion_tracker.errors import InputError
from lesion_tracker.studies.study import Source, Study

NOBODY = re.compile(r"(ANON\w*|UNKNOWN|NONE|NO ?NAME|PATIENT|TEST|X+|0+)[ _-]?\d{0,2}", re.IGNORECASE)
"""PatientIDs that anonymisers and consoles put where nobody is meant."""

SEXES = {"M", "F"}
"""Others (O) say too little to contradict."""


_WHERE: dict[Source, str] = {
    "upload": "by its upload",
    "csv": "by studies.csv",
    "dicom": "by its headers",
    "name": "by its file name",
    "unknown": "by its list",
}


@dataclass(frozen=True)
class PairFacts:
    """What the headers of two studies say about each other.

    Args:
        refusals: facts by which they are no pair: two persons, or the baseline the later one.
        warnings: what a reader should know of it otherwise.
    """

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def require_pair(
    baseline: Study, followup: Study, option: str, *, allowed: bool, backward: bool = False
) -> tuple[str, ...]:
    """Return what a reader should know of a pair; refuse two studies that are none, unless somebody allows it.

    Every way in asks here: command line, cohort, requests, the review page's jobs, registration ahead of time.

    Args:
        baseline: where lesions are known.
        followup: where they are looked for.
        option: by which it is allowed: "--any-pair", "baseline_image".
        allowed: it was given; what was allowed by it comes first, and names it.
        backward: a baseline that is the later study is what was asked for.

    Raises:
        InputError: for studies of two persons, or a baseline that is the later one.
    """
    facts = pair_facts(baseline, followup)
    refusals = other_person(baseline, followup) if backward else facts.refusals
    if refusals and not allowed:
        listed = "; ".join(refusals)
        raise InputError(f"{listed}: the right studies, in the right order? To track all the same: {option}")
    return (*(f"{fact} (tracked all the same: {option})" for fact in facts.refusals), *facts.warnings)


def pair_facts(baseline: Study, followup: Study) -> PairFacts:
    """Compare two studies by what is known of both.

    Args:
        baseline: where lesions are known.
        followup: where they are looked for.
    """
    refusals = [*other_person(baseline, followup), *_backward(baseline, followup)]
    return PairFacts(tuple(refusals), tuple(_open(baseline, followup)))


def other_person(baseline: Study, followup: Study) -> list[str]:
    """Return the facts by which two studies are of two persons; none where nothing known of both contradicts."""
    found = []
    if _ids_differ(baseline, followup) and _one_register(baseline, followup):
        found.append(f"the baseline is of patient {baseline.patient_id!r}, the follow-up of {followup.patient_id!r}")
    for what, one, other in (
        ("issuer of the PatientID", baseline.issuer, followup.issuer),
        ("birth date", baseline.birth_date, followup.birth_date),
        ("sex", baseline.sex, followup.sex),
    ):
        known = one and other and (what != "sex" or {one, other} <= SEXES)
        if known and one != other:
            found.append(f"the {what} is {one!r} in the baseline, {other!r} in the follow-up")
    return found


def _ids_differ(baseline: Study, followup: Study) -> bool:
    return bool(baseline.patient_id and followup.patient_id and baseline.patient_id != followup.patient_id)


def _one_register(baseline: Study, followup: Study) -> bool:
    """Say whether both patients are named in one way: a hospital's number and the name of a file are no contradiction."""
    return (baseline.patient_source == "dicom") == (followup.patient_source == "dicom")


def _backward(baseline: Study, followup: Study) -> list[str]:
    if not (baseline.study_date and followup.study_date) or baseline.study_uid == followup.study_uid != "":
        return []
    stamps = [(baseline.study_date, followup.study_date, "date"), (baseline.study_time, followup.study_time, "time")]
    for before, after, what in stamps:
        if before and after and before != after:
            later = f"backward in time: the follow-up's {what} {after} lies before the baseline's {before}"
            return [later] if after < before else []
    return []


def _open(baseline: Study, followup: Study) -> list[str]:
    notes = []
    one, other = _letters(baseline.patient_name), _letters(followup.patient_name)
    if one and other and not (one <= other or other <= one):
        notes.append(
            f"the baseline's patient is called {baseline.patient_name!r}, the follow-up's {followup.patient_name!r}"
        )
    if _ids_differ(baseline, followup) and not _one_register(baseline, followup):
        notes.append(
            f"the baseline is of patient {baseline.patient_id!r} ({_WHERE[baseline.patient_source]}), the follow-up of "
            f"{followup.patient_id!r} ({_WHERE[followup.patient_source]}): are they one person?"
        )
    same_nobody = baseline.patient_id == followup.patient_id and NOBODY.fullmatch(baseline.patient_id)
    if same_nobody:
        notes.append(f"both studies are of patient {baseline.patient_id!r}: nothing says that they are of one person")
    blank = [name for name, study in (("baseline", baseline), ("follow-up", followup)) if _is_blank(study)]
    if blank:
        notes.append(
            f"the PatientID of the {' and of the '.join(blank)} is blank: nothing says that they are of one person"
        )
    return notes


def _is_blank(study: Study) -> bool:
    return study.source == "dicom" and not study.patient_id


def _letters(name: str) -> set[str]:
    """Return the words of a name without accents, order and case; a second first name may stand in one study only."""
    plain = unicodedata.normalize("NFKD", name)
    return set(
        re.findall(r"[^\W\d_]+", "".join(letter for letter in plain if not unicodedata.combining(letter)).upper())
    )
