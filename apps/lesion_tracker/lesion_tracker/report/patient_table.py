"""A patient's results as tables: for a spreadsheet, for a terminal, and as plain JSON values."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from lesion_tracker.files.csv_text import csv_text
from lesion_tracker.records.followed import Traits
from lesion_tracker.report.measured_picture import axes_in_words
from lesion_tracker.report.patient_results import LesionResult, PatientResult, StudyResult
from lesion_tracker.report.suggestions import suggestions_of
from lesion_tracker.response.assessment import WORDS, Assessment


@dataclass(frozen=True)
class _Line:
    patient: PatientResult
    study: StudyResult
    one: LesionResult

    def number(self, name: str) -> float | str:
        value = getattr(self.one.measured, name, getattr(self.one.size, name, None))
        return "" if value is None else round(float(value), 3)

    @property
    def change(self) -> float | str:
        change = self.patient.change_mm(self.one.lesion.id, self.study.study.id)
        return "" if change is None else round(change, 3)

    @property
    def counts(self) -> float | str:
        parts = [one.parts_mm for one in self.patient.response if one.study_id == self.study.study.id]
        length = parts[0].get(self.one.lesion.id) if parts else None
        return "" if length is None else round(float(length), 3)

    def of_response(self, content: Callable[[Assessment], float | str | None]) -> float | str:
        found = [content(one) for one in self.patient.response if one.study_id == self.study.study.id]
        value = found[0] if found else None
        return "" if value is None else round(value, 3) if isinstance(value, float) else value


COLUMNS: dict[str, Callable[[_Line], object]] = {
    "patient": lambda line: line.patient.patient_id,
    "lesion_id": lambda line: line.one.lesion.id,
    "lesion": lambda line: line.one.lesion.name,
    "tracking_uid": lambda line: line.one.lesion.tracking_uid,
    "role": lambda line: line.one.lesion.traits.role,
    "organ": lambda line: line.one.lesion.traits.organ,
    "node": lambda line: line.one.lesion.traits.node,
    "parent": lambda line: line.one.lesion.parent,
    "study": lambda line: line.study.study.id,
    "study_date": lambda line: line.study.study.study_date,
    "fate": lambda line: line.one.seen.fate,
    "others": lambda line: " ".join(line.one.seen.others),
    "looked_at": lambda line: line.one.seen.confirmed,
    "long_axis_mm": lambda line: line.number("long_axis_mm"),
    "short_axis_mm": lambda line: line.number("short_axis_mm"),
    "long_axis_change_mm": lambda line: line.change,
    "volume_ml": lambda line: line.number("volume_ml"),
    "mean_hu": lambda line: line.number("mean_hu"),
    "key_slice_mm": lambda line: round(line.one.size.slice_mm, 3) if line.one.size else "",
    "method": lambda line: getattr(line.one.measured, "method", ""),
    "note": lambda line: line.one.words,
    "said_by": lambda line: line.one.by,
    "counts_mm": lambda line: line.counts,
    "sum_of_diameters_mm": lambda line: line.of_response(lambda one: one.sum_mm),
    "response": lambda line: line.of_response(lambda one: one.category),
}
"""`long_axis_change_mm` is since the last study in which the lesion was measured; `counts_mm` is what it adds to the sum."""


def results_csv(patient: PatientResult) -> str:
    """Return a line a lesion and study."""
    lines = (
        _Line(patient, study, one)
        for lesion in patient.lesions
        for study in patient.studies
        if (one := study.of(lesion.id)) is not None
    )
    return csv_text(COLUMNS, ([content(line) for content in COLUMNS.values()] for line in lines))


def results_json(patient: PatientResult) -> dict[str, Any]:
    """Return everything as plain JSON values; points are LPS mm of the study."""
    return {
        "schema": 1,
        "patient": patient.patient_id,
        "lesions": [
            {"id": one.id, "label": one.name, "tracking_uid": one.tracking_uid, "parent": one.parent}
            | {"role": one.traits.role, "organ": one.traits.organ, "node": one.traits.node}
            for one in patient.lesions
        ],
        "studies": [_study_json(one) for one in patient.studies],
        "response": [one.to_json() for one in patient.response],
        "warnings": list(patient.warnings),
        "suggestions": suggestions_of(patient),
    }


def _study_json(study: StudyResult) -> dict[str, Any]:
    return {
        "study": study.study.id,
        "date": study.study.study_date,
        "slice_mm": study.slice_mm,
        "lesions": [
            {"id": one.lesion.id, "fate": one.seen.fate, "others": list(one.seen.others)}
            | {"looked_at": one.seen.confirmed, "note": one.words, "said_by": one.by}
            | {"size": {k: v for k, v in asdict(one.size).items() if k != "outline"} if one.size else None}
            | {"measurement": one.measured.to_json() if one.measured else None}
            for one in study.lesions
        ],
    }


def grid_of(patient: PatientResult) -> list[list[str]]:
    """Return a row a lesion, a column a study, then sum of diameters, its change and the response, all in words."""
    rows = [["lesion", *(one.study.study_date or one.study.id for one in patient.studies)]]
    for lesion in patient.lesions:
        rows.append([lesion_in_words(patient, lesion.id), *(_cell(patient, one, lesion.id) for one in patient.studies)])
    if patient.response:
        rows += [[name, *(map(content, patient.response))] for name, content in OF_RESPONSE.items()]
    return rows


def lesion_in_words(patient: PatientResult, lesion_id: str) -> str:
    """Return a lesion's name with its role and organ."""
    lesion = next(one for one in patient.lesions if one.id == lesion_id)
    return f"{lesion.name} ({lesion.traits.words})" if lesion.traits != Traits() else lesion.name


def _cell(patient: PatientResult, study: StudyResult, lesion_id: str) -> str:
    one = study.of(lesion_id)
    if one is None:
        return "–"
    change = patient.change_mm(lesion_id, study.study.id)
    words = axes_in_words(one) + (f" ({change:+.1f})" if change is not None else "")
    return words + ("" if one.seen.confirmed else " *") + (" !" if one.size and one.size.check else "")


def _sum(one: Assessment) -> str:
    return "not complete" if one.sum_mm is None else f"{one.sum_mm:.1f} mm"


OF_RESPONSE: dict[str, Callable[[Assessment], str]] = {
    "sum of diameters": _sum,
    "since baseline": lambda one: "–" if one.from_baseline_percent is None else f"{one.from_baseline_percent:+.0f} %",
    "since smallest": lambda one: "–" if one.from_nadir_percent is None else f"{one.from_nadir_percent:+.0f} %",
    "response": lambda one: WORDS[one.category],
}
LEGEND = (
    "Long × short axis, mm (change of the long axis since the study before in which it was measured). "
    "*: no reader has looked at it. !: check the size. –: nothing is known."
)


def results_text(patient: PatientResult) -> str:
    """Return the table for a terminal, with what decided the response, and the warnings."""
    rows = grid_of(patient)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{one.date or one.study_id}: {one.category}: {one.rule}" for one in patient.response]
    return "\n".join([*lines, LEGEND, *(f"note: {text}" for text in notes_of(patient))])


def notes_of(patient: PatientResult) -> list[str]:
    """Return what a reader should know: of the whole, of each lesion in each study, and of the response."""
    told = list(patient.warnings)
    for study in patient.studies:
        for one in study.lesions:
            if one.words and not study.problem:
                told.append(f"{one.lesion.name} in {study.study.id}: {one.words}")
    told += [f"{one.date or one.study_id}: {text}" for one in patient.response for text in one.warnings]
    told += [f"suggested: {text}" for text in suggestions_of(patient)]
    return list(dict.fromkeys(told))
