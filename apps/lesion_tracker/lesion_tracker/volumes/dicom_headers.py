"""A folder → the headers of its DICOM files, before anybody looks at a voxel."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError

from lesion_tracker.errors import StudyError

TAGS = [
    "AcquisitionTime",
    "Columns",
    "FrameOfReferenceUID",
    "GantryDetectorTilt",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "InstanceNumber",
    "Modality",
    "NumberOfFrames",
    "PatientID",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
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


def read_headers(folder: Path) -> list[SliceHeader]:
    """Read the headers of all DICOM files directly in a folder, sorted by file name.

    Files without the DICOM mark are passed over, unless they claim to be DICOM by their ending.

    Raises:
        StudyError: for a folder without DICOM files, or a damaged one among them.
    """
    files = _files(folder)
    headers = [header for header in (_read(path) for path in files) if header is not None]
    if not headers:
        inner = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        hint = f"; it has the subfolders {', '.join(inner[:5])}: give one of them" if inner else ""
        raise StudyError(f"the folder holds no DICOM images ({len(files)} files){hint}")
    return headers


def first_header(folder: Path) -> SliceHeader | None:
    """Return the header of the first DICOM file directly in a folder, or None."""
    return next((header for header in (_read(path) for path in _files(folder)) if header is not None), None)


def _files(folder: Path) -> list[Path]:
    """Leave out hidden files and DICOMDIR, the table of contents of a disc."""
    entries = (entry for entry in folder.iterdir() if entry.is_file())
    return sorted(entry for entry in entries if not entry.name.startswith(".") and entry.name.upper() != "DICOMDIR")


def _read(path: Path) -> SliceHeader | None:
    claims_dicom = path.suffix.lower() in (".dcm", ".dicom", ".ima")
    if claims_dicom and path.stat().st_size == 0:
        raise StudyError(f"{path.name} is empty (0 bytes): was the upload or copy cut off?")
    try:
        tags = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
    except InvalidDicomError:
        if claims_dicom:
            raise StudyError(f"{path.name} is not a DICOM file, whatever its name says") from None
        return None
    except (EOFError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
        raise StudyError(f"{path.name} is a damaged DICOM file ({error}): was the copy cut off?") from None
    if "SeriesInstanceUID" not in tags:
        raise StudyError(f"{path.name} has no SeriesInstanceUID: truncated within its header; was the copy cut off?")
    return SliceHeader(path, tags)
