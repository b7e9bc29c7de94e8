"""One series as a PACS lists it: whose it is, when it was made, how many files it has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.studies.study import Study, parse_date, parse_time

TAGS = {
    "series_uid": "0020000E",
    "study_uid": "0020000D",
    "patient_id": "00100020",
    "birth_date": "00100030",
    "study_date": "00080020",
    "study_time": "00080030",
    "modality": "00080060",
    "description": "0008103E",
    "files": "00201209",
}

FIELDS = (
    "PatientID",
    "PatientBirthDate",
    "StudyDate",
    "StudyTime",
    "SeriesDescription",
    "NumberOfSeriesRelatedInstances",
)
"""What a query asks for beside what every server returns."""


@dataclass(frozen=True)
class PacsSeries:
    """A series of a PACS.

    Args:
        series_uid: SeriesInstanceUID.
        study_uid: StudyInstanceUID.
        patient_id: "" where the PACS does not say.
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
        fields = {
            "patient_id": self.patient_id,
            "study_date": self.study_date,
            "study_time": self.study_time,
            "series": self.description,
            "study_uid": self.study_uid,
            "series_uid": self.series_uid,
        }
        return Study(id=self.series_uid, path=path, source="dicom", patient_source="dicom", **{**fields, **more})

    def same_person(self, other: "PacsSeries") -> bool:
        """Say whether two series can be of one person: the same PatientID, and no contradicting birth dates."""
        births = {self.birth_date, other.birth_date} - {""}
        return bool(self.patient_id) and self.patient_id == other.patient_id and len(births) < 2


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
    return PacsSeries(**texts, files=int(files) if files.isdigit() else 0)


def _text(item: dict[str, Any], tag: str) -> str:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]).strip() if isinstance(values, list) and values and values[0] is not None else ""


def _valid(parse: Any, text: str) -> str:
    try:
        return str(parse(text)) if text else ""
    except FileFormatError:
        return ""
