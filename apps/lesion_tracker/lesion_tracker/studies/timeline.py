"""Whose study it is and when it was, and which studies came earlier.

Patient, date and series of a study are looked for, each on its own, in this order, and the first that has it wins:

    1. the upload's params        {"patient" or "PatientID", "date" or "StudyDate", "time" or "StudyTime", "series"}
    2. studies.csv                beside the file, columns image, patient, date[, series]
    3. DICOM headers              of the first file of the folder
    4. the name                   <patient>__<yyyymmdd>[__<series>]

An empty value counts as absent. Studies are ordered by StudyDate, StudyTime, AcquisitionTime; what those leave open is
not guessed. Series of one study (same StudyInstanceUID, or same patient and date with different series names) are
neither earlier nor later than each other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError, StudyOrderError
from lesion_tracker.studies.studies_csv import FILE_NAME, read_studies_csv
from lesion_tracker.studies.study import Source, Study, parse_date, parse_time, study_id_of
from lesion_tracker.volumes.dicom_folders import first_header, split_address
from lesion_tracker.volumes.dicom_headers import read_header

UPLOAD_KEYS = {
    "patient_id": ("patient", "PatientID", "patient_id"),
    "study_date": ("date", "StudyDate", "study_date"),
    "study_time": ("time", "StudyTime", "study_time"),
    "acquisition_time": ("AcquisitionTime", "acquisition_time"),
    "series": ("series", "SeriesDescription"),
    "study_uid": ("StudyInstanceUID",),
    "series_uid": ("SeriesInstanceUID",),
    "frame_of_reference_uid": ("FrameOfReferenceUID",),
}
"""Which params of an upload stand for which field of a Study; others are passed over."""


def study_of(
    path: Path,
    studies_csv: Path | None = None,
    upload: Mapping[str, Any] | None = None,
    header_of: Path | None = None,
) -> Study:
    """Return what is known about a study; unknown fields are "" (the module's docstring says which source wins).

    Args:
        path: image file or DICOM folder.
        studies_csv: default: `studies.csv` in the folder of `path`, if there is one.
        upload: the params that came with the upload.
        header_of: the file that speaks for a DICOM series; None: the first one is looked for below `path`.

    Raises:
        FileFormatError: for an invalid date or time, or a malformed studies.csv (with the row).
        StudyError: for a DICOM folder with a damaged file.
    """
    fields: dict[str, str] = {}
    sources: dict[str, Source] = {}
    _take(fields, sources, _from_upload(upload or {}), "upload")
    _take(fields, sources, _from_csv(path, studies_csv), "csv")
    _take(fields, sources, _from_dicom(path, header_of), "dicom")
    if not (fields.get("patient_id") and fields.get("study_date")):
        _take(fields, sources, _from_name(path), "name")
    source = sources.get("study_date", sources.get("patient_id", "unknown"))
    date = parse_date(fields.pop("study_date")) if "study_date" in fields else ""
    times = {name: parse_time(fields.pop(name)) for name in ("study_time", "acquisition_time") if name in fields}
    patient_id = fields.pop("patient_id", "")
    whose = sources.get("patient_id", "unknown")
    return Study(study_id_of(path), path, patient_id, date, source=source, patient_source=whose, **times, **fields)


def _take(fields: dict[str, str], sources: dict[str, Source], found: Mapping[str, str], source: Source) -> None:
    for name, value in found.items():
        if value and name not in fields:
            fields[name] = value
            sources[name] = source


def _from_upload(upload: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, keys in UPLOAD_KEYS.items():
        values = (str(upload[key]).strip() for key in keys if isinstance(upload.get(key), str | int))
        found[name] = next((value for value in values if value), "")
    return found


def _from_csv(path: Path, studies_csv: Path | None) -> dict[str, str]:
    table = studies_csv or path.parent / FILE_NAME
    if studies_csv is None and not table.is_file():
        return {}
    row = read_studies_csv(table).get(study_id_of(path))
    return {"patient_id": row.patient, "study_date": row.date, "series": row.series} if row else {}


def _from_dicom(path: Path, header_of: Path | None) -> dict[str, str]:
    if header_of is not None:
        header = read_header(header_of)
    else:
        header = first_header(path) if path.is_dir() or split_address(path)[1] else None
    if header is None:
        return {}
    found = {
        "patient_id": header.text("PatientID"),
        "study_date": header.text("StudyDate"),
        "study_time": _time_or_nothing(header.text("StudyTime")),
        "acquisition_time": _time_or_nothing(header.text("AcquisitionTime")),
        "series": header.text("SeriesDescription"),
        "study_uid": header.text("StudyInstanceUID"),
        "series_uid": header.text("SeriesInstanceUID"),
        "frame_of_reference_uid": header.text("FrameOfReferenceUID"),
        "patient_name": header.text("PatientName"),
        "birth_date": header.text("PatientBirthDate"),
        "sex": header.text("PatientSex").upper(),
        "issuer": header.text("IssuerOfPatientID"),
    }
    return found


def _time_or_nothing(text: str) -> str:
    """Scanners and anonymisers write odd times; without one, the order may still be clear."""
    try:
        return parse_time(text)
    except FileFormatError:
        return ""


def _from_name(path: Path) -> dict[str, str]:
    patient, *rest = study_id_of(path).split("__")
    if not rest or not rest[0].isdigit() or len(rest[0]) != 8 or not patient:
        return {}
    return {"patient_id": patient, "study_date": parse_date(rest[0]), "series": "__".join(rest[1:])}


def order_studies(studies: Sequence[Study]) -> list[Study]:
    """Return one patient's studies, earliest first; series of one study stay beside each other.

    Raises:
        StudyOrderError: for several patients, or where the order of two studies cannot be decided.
    """
    if len({study.patient_id for study in studies}) > 1:
        raise StudyOrderError(f"these are studies of several patients: {_list(studies)}")
    undecided = {id(a): a for a in studies for b in studies if a is not b and _undecided(a, b)}
    if undecided:
        raise StudyOrderError(
            _request("which of these studies is the earlier one cannot be decided", list(undecided.values()))
        )
    return sorted(studies, key=_key)


def order_or_guess(studies: Sequence[Study]) -> tuple[list[Study], str]:
    """Return a patient's studies, earliest first, and why that order is only a guess ("" where it is not)."""
    try:
        return order_studies(studies), ""
    except StudyOrderError as error:
        return sorted(studies, key=lambda study: (study.study_date, study.study_time, study.id)), str(error)


def earlier_studies(study: Study, studies: Sequence[Study]) -> list[Study]:
    """Return those of the same patient's `studies` that came before `study`, earliest first.

    Other series of the same study are not earlier. Pass only the candidates that matter (those with marked lesions):
    an open order among the others is then no obstacle.

    Raises:
        StudyOrderError: for an unknown patient, or where the order cannot be decided; the message lists the studies and
            asks for `baseline_image`.
    """
    if not study.patient_id:
        raise StudyOrderError(_request("the patient of this study is not known", [study]))
    others = [other for other in studies if other.patient_id == study.patient_id and other.id != study.id]
    undecided = [other for other in others if _undecided(study, other)]
    if undecided:
        raise StudyOrderError(
            _request("which of these studies is the earlier one cannot be decided", [study, *undecided])
        )
    return order_studies([other for other in others if not _same_study(study, other) and _before(other, study)])


def _request(fact: str, studies: Sequence[Study]) -> str:
    return (
        f"{fact}: {_list(studies)}; name the earlier one in the request as baseline_image, or give the missing dates "
        "(studies.csv, file name, or the upload's params)"
    )


def _list(studies: Sequence[Study]) -> str:
    return "; ".join(study.describe() for study in studies)


def _same_study(a: Study, b: Study) -> bool:
    if a.study_uid and b.study_uid:
        return a.study_uid == b.study_uid
    same_day = a.patient_id == b.patient_id and bool(a.study_date) and a.study_date == b.study_date
    return same_day and bool(a.series) and bool(b.series) and a.series != b.series


def _stamps(a: Study, b: Study) -> list[tuple[str, str]]:
    """Return the pairs of date, study time and acquisition time that both studies have."""
    if not (a.study_date and b.study_date):
        return []
    pairs = [(a.study_date, b.study_date), (a.study_time, b.study_time), (a.acquisition_time, b.acquisition_time)]
    return [(left, right) for left, right in pairs if left and right]


def _before(a: Study, b: Study) -> bool:
    return next((left < right for left, right in _stamps(a, b) if left != right), False)


def _undecided(a: Study, b: Study) -> bool:
    return not _same_study(a, b) and all(left == right for left, right in _stamps(a, b))


def _key(study: Study) -> tuple[str, str, str, str, str]:
    return study.study_date, study.study_time, study.acquisition_time, study.series, study.id
