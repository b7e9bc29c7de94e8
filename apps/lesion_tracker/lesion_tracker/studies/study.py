"""One study as far as its order among the patient's others needs it: who, when, which file."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from lesion_tracker.errors import FileFormatError
from lesion_tracker.volumes.image_file import suffix_of

Source = Literal["upload", "csv", "dicom", "name", "unknown"]
"""Where patient and date come from: the upload's params, studies.csv, DICOM headers, the file name; or nowhere."""

TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(\.\d{1,6})?)?)?")


@dataclass(frozen=True)
class Study:
    """A study that can be ordered in time.

    Args:
        id: the file name without its ending, or the folder's name; what a datastore calls the image.
        path: the image file or DICOM folder.
        patient_id: "" where unknown.
        study_date: YYYYMMDD, "" where unknown.
        study_time: HHMMSS[.f], "" where unknown.
        acquisition_time: of the first slice; likewise.
        series: a name that tells series of one study apart, or "".
        study_uid: DICOM's, or "".
        series_uid: DICOM's, or "".
        frame_of_reference_uid: DICOM's, or "".
        patient_name: DICOM's, or "".
        birth_date: YYYYMMDD, or "".
        sex: M, F, O, or "".
        issuer: who gave the PatientID (IssuerOfPatientID), or "".
        source: where the date comes from (or, without a date, the patient).
        patient_source: where the patient comes from.
    """

    id: str
    path: Path
    patient_id: str
    study_date: str
    study_time: str = ""
    acquisition_time: str = ""
    series: str = ""
    study_uid: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    issuer: str = ""
    source: Source = "unknown"
    patient_source: Source = "unknown"

    def describe(self) -> str:
        """Return one line for an error or a list: id, patient, date, time, series."""
        when = " ".join(part for part in (self.study_date or "no date", self.study_time or "no time") if part)
        series = f", series {self.series}" if self.series else ""
        return f"{self.id!r} (patient {self.patient_id or 'unknown'}, {when}{series})"


def study_id_of(path: Path) -> str:
    """Return the file name without the ending of an image format; a folder's name as it is."""
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix else path.name


def parse_date(text: object) -> str:
    """Return a date as YYYYMMDD.

    Args:
        text: YYYYMMDD, or with dashes or dots between.

    Raises:
        FileFormatError: for what is no day of the calendar.
    """
    digits = re.sub(r"^(\d{4})[-.](\d{2})[-.](\d{2})$", r"\1\2\3", str(text).strip())
    try:
        if not re.fullmatch(r"[0-9]{8}", digits):
            raise ValueError
        return datetime.strptime(digits, "%Y%m%d").strftime("%Y%m%d").zfill(8)
    except ValueError:
        raise FileFormatError(f"{text!r} is no date; write YYYYMMDD or YYYY-MM-DD") from None


def parse_time(text: object) -> str:
    """Return a time as HHMMSS[.f], with missing minutes and seconds as 00.

    Args:
        text: DICOM's HH[MM[SS[.f]]], or with colons between.

    Raises:
        FileFormatError: for what is no time of a day.
    """
    match = TIME.fullmatch(str(text).strip())
    hour, minute, second, fraction = match.groups("") if match else ("", "", "", "")
    if not hour or int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 60:
        raise FileFormatError(f"{text!r} is no time; write HHMMSS or HH:MM:SS")
    return f"{hour}{minute or '00'}{second or '00'}{fraction.rstrip('0').rstrip('.')}"
