"""One series as a PACS lists it: whose it is, when it was made, how many files it has."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.studies.study import Study, parse_date, parse_time

TAGS = {
    "series_uid": "0020000E",
    "study_uid": "0020000D",
    "patient_id": "00100020",
    "issuer": "00100021",
    "patient_name": "00100010",
    "sex": "00100040",
    "birth_date": "00100030",
    "study_date": "00080020",
    "study_time": "00080030",
    "modality": "00080060",
    "description": "0008103E",
    "files": "00201209",
}

FIELDS = (
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientSex",
    "PatientBirthDate",
    "StudyDate",
    "StudyTime",
    "SeriesDescription",
    "NumberOfSeriesRelatedInstances",
)
"""What a query asks for beside what every server returns."""


OF_PATIENT = ("patient_id", "issuer", "patient_name", "sex", "birth_date")
OF_STUDY = ("study_date", "study_time")
"""Fields that a `Study` has, too; a PACS may leave them out of its answer about a series."""


@dataclass(frozen=True)
class PacsSeries:
    """A series of a PACS.

    Args:
        series_uid: SeriesInstanceUID.
        study_uid: StudyInstanceUID.
        patient_id: "" where the PACS does not say.
        issuer: who gave the PatientID, or "".
        patient_name: or "".
        sex: M, F, O, or "".
        birth_date: YYYYMMDD or "".
        study_date: YYYYMMDD, "" where unknown or no date.
        study_time: HHMMSS[.f] or "".
        modality: "CT", "SR", …
        description: of the series.
        files: instances that the PACS holds; 0 where it does not say.
    """

    series_uid: str
    study_uid: str
    patient_id: str = ""
    issuer: str = ""
    patient_name: str = ""
    sex: str = ""
    birth_date: str = ""
    study_date: str = ""
    study_time: str = ""
    modality: str = ""
    description: str = ""
    files: int = 0

    def study(self, path: Path, **more: str) -> Study:
        """Return the series as what the tracker tracks from and to; its id is the SeriesInstanceUID.

        Args:
            path: where its files lie once they are fetched.
            more: further fields of `Study`.
        """
        fields = {name: getattr(self, name) for name in (*OF_PATIENT, *OF_STUDY)}
        fields |= {"series": self.description, "study_uid": self.study_uid, "series_uid": self.series_uid}
        return Study(id=self.series_uid, path=path, source="dicom", patient_source="dicom", **{**fields, **more})


def series_of(item: dict[str, Any], study: dict[str, Any] | None = None) -> PacsSeries:
    """Read one answer of a query in DICOM's JSON model.

    Args:
        item: of the series.
        study: of its study, for what the series' answer leaves out.
    """
    texts = {name: _text(item, tag) or _text(study or {}, tag) for name, tag in TAGS.items()}
    files = texts.pop("files")
    texts["study_date"] = _valid(parse_date, texts["study_date"])
    texts["study_time"] = _valid(parse_time, texts["study_time"])
    texts["sex"] = texts["sex"].upper()
    return PacsSeries(**texts, files=int(float(files)) if re.fullmatch(r"\d+(\.0+)?", files) else 0)


def _text(item: dict[str, Any], tag: str) -> str:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    value = values[0] if isinstance(values, list) and values else None
    if isinstance(value, dict):  # a name
        value = next((value[form] for form in ("Alphabetic", "Ideographic", "Phonetic") if value.get(form)), None)
    return "" if value is None else str(value).strip("\0 ")


def _valid(parse: Any, text: str) -> str:
    try:
        return str(parse(text)) if text else ""
    except FileFormatError:
        return ""
