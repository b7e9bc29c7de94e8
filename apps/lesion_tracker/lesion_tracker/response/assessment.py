"""The record of a response: a patient's category in one study, the numbers, and the rule that decided, in plain words."""

from dataclasses import dataclass
from typing import Literal

from lesion_tracker.records.json_record import JsonRecord

Category = Literal["baseline", "CR", "PR", "SD", "non-CR/non-PD", "PD", "NE"]
"""The fifth is what patients without targets have instead of PR and SD (RECIST 1.1, table 2)."""

WORDS: dict[Category, str] = {
    "baseline": "baseline",
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "non-CR/non-PD": "neither complete response nor progression",
    "PD": "progressive disease",
    "NE": "not evaluable",
}


@dataclass(frozen=True)
class Finding:
    """What one part of the rules says.

    Args:
        category: of it.
        rule: the sentence that decided, with its numbers.
        source: where the rule stands.
    """

    category: Category
    rule: str
    source: str


@dataclass(frozen=True)
class Assessment(JsonRecord):
    """The response in one study.

    Args:
        study_id: the study.
        date: YYYYMMDD, or "".
        category: of the patient.
        rule: the sentence that decided, with its numbers.
        source: where that rule stands: section or table of RECIST 1.1.
        target: category of the targets alone, or None where there are none.
        non_target: of the non-targets alone, or None where there are none.
        new_lesions: ids of unequivocally new lesions that are seen in this study.
        parts_mm: by lesion, what it adds to the sum of diameters, mm.
        missing: by target, why it has no length here.
        sum_mm: the sum of diameters, or None where it is incomplete.
        baseline_mm: the sum at baseline, or None.
        nadir_mm: the smallest sum before this study, baseline included; None at baseline, or where there is none.
        nadir_study: where that was.
        from_baseline_percent: change of the sum; None where one of both is missing.
        from_nadir_percent: likewise; None also where the smallest sum is 0.
        warnings: what a reader should know, each in one sentence.
    """

    study_id: str
    date: str
    category: Category
    rule: str
    source: str
    target: Category | None
    non_target: Category | None
    new_lesions: tuple[str, ...]
    parts_mm: dict[str, float]
    missing: dict[str, str]
    sum_mm: float | None
    baseline_mm: float | None
    nadir_mm: float | None
    nadir_study: str
    from_baseline_percent: float | None
    from_nadir_percent: float | None
    warnings: tuple[str, ...] = ()


def percent(new_mm: float | None, old_mm: float | None) -> float | None:
    """Return a change in percent of what was; None where one is missing, or nothing was."""
    return None if new_mm is None or not old_mm else 100.0 * (new_mm - old_mm) / old_mm
