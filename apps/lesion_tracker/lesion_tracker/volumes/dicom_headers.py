"""The header of a DICOM file, with its preamble or without, before anybody looks at a voxel."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.limits import refuse_inflated
from lesion_tracker.volumes.unchanged import Stamp, stamp

UID = re.compile(r"[0-9]+(\.[0-9]+)+")

FIRST_GROUPS = (b"\x02\0", b"\x08\0", b"\0\x08")
"""How a file without preamble begins: the group of its first element, in either byte order."""

READING_FAILS = (EOFError, ValueError, KeyError, AttributeError, NotImplementedError, RecursionError, zlib.error)
"""What pydicom raises at bytes that are no DICOM, or damaged."""

KEPT = 4096
"""So many headers are remembered as long as their files stay the same: a choice among series reads them before the reader."""

TAGS = [
    "AcquisitionTime",
    "Columns",
    "FrameOfReferenceUID",
    "GantryDetectorTilt",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "InstanceNumber",
    "IssuerOfPatientID",
    "Modality",
    "NumberOfFrames",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "Rows",
    "SOPClassUID",
    "SOPInstanceUID",
    "SamplesPerPixel",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SliceThickness",
    "StudyDate",
    "StudyInstanceUID",
    "StudyTime",
]


@dataclass(frozen=True)
class SliceHeader:
    """One DICOM file of a folder.

    Args:
        path: the file.
        tags: the elements named in `TAGS`, as pydicom read them.
    """

    path: Path
    tags: Any

    @property
    def series_uid(self) -> str:
        """Return the SeriesInstanceUID."""
        return self.text("SeriesInstanceUID")

    def text(self, keyword: str) -> str:
        """Return an element as text, "" where it is missing."""
        value = self.tags.get(keyword)
        return "" if value is None else str(value).strip()

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return a multi-valued element as texts."""
        value = self.tags.get(keyword)
        if value is None or isinstance(value, str):
            return (value,) if value else ()
        return tuple(str(word) for word in value)

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return an element as numbers, () where it is missing.

        Raises:
            StudyError: for a value that is no number.
        """
        try:
            value = self.tags.get(keyword)
            if value is None or value == "":
                return ()
            values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            return tuple(float(number) for number in values)
        except (TypeError, ValueError):
            raise StudyError(f"{self.path.name}: its {keyword} is not a number: damaged header?") from None

    def required(self, keyword: str, count: int) -> tuple[float, ...]:
        """Return an element that a CT slice must have.

        Raises:
            StudyError: if it does not hold exactly `count` numbers.
        """
        numbers = self.numbers(keyword)
        if len(numbers) != count:
            raise StudyError(
                f"{self.path.name}: {keyword} has {len(numbers)} numbers instead of {count}: a secondary capture, a "
                "report, or an export that lost its geometry?"
            )
        return numbers


def read_header(path: Path) -> SliceHeader | None:
    """Return the header of a file, or None for one that is no DICOM and does not claim to be.

    Raises:
        StudyError: for a damaged file, or one that only claims to be DICOM by its ending.
    """
    return _read(path, stamp(path))


@lru_cache(maxsize=KEPT)
def _read(path: Path, unchanged: Stamp) -> SliceHeader | None:
    claims_dicom = path.suffix.lower() in (".dcm", ".dicom", ".ima")
    if claims_dicom and unchanged[1] == 0:
        raise StudyError(f"{path.name} is empty (0 bytes): was the upload or copy cut off?")
    try:
        refuse_inflated(path)
        tags = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
    except InvalidDicomError:
        tags = _without_preamble(path)
        if tags is None and claims_dicom:
            raise StudyError(f"{path.name} is not a DICOM file, whatever its name says") from None
        if tags is None:
            return None
    except READING_FAILS as error:
        raise StudyError(f"{path.name} is a damaged DICOM file ({error}): was the copy cut off?") from None
    if "SeriesInstanceUID" not in tags:
        raise StudyError(f"{path.name} has no SeriesInstanceUID: truncated within its header; was the copy cut off?")
    return SliceHeader(path, tags)


def _without_preamble(path: Path) -> Any:
    """Return the elements of a file without preamble and mark, as old exports write them; None for any other file."""
    with path.open("rb") as stream:
        if stream.read(2) not in FIRST_GROUPS:
            return None
    try:
        tags = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS, force=True)
    except Exception:  # whatever pydicom raises at bytes that were never DICOM
        return None
    known = [str(tags.get(keyword, "")) for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")]
    return tags if all(UID.fullmatch(uid) for uid in known) else None
