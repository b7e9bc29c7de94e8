"""A structured report of this product or of OHIF (TID 1500) to the lesions that it measures, as points of a series.

Read with pydicom alone: OHIF's reports leave out what highdicom insists on. Whatever else a report holds is passed over.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from lesion_tracker.errors import InputError
from lesion_tracker.records.fate import FATES, PRESENT
from lesion_tracker.records.json_record import Ends, Point
from lesion_tracker.records.lesion import LARGEST_RADIUS_MM
from lesion_tracker.records.names import clean_uid
from lesion_tracker.report.dicom_codes import FATE, SCHEME
from lesion_tracker.report.dicom_lesion import PRODUCT
from lesion_tracker.report.dicom_source import SourceSeries

REPORTS = (EnhancedSRStorage, ComprehensiveSRStorage, Comprehensive3DSRStorage)
OHIF_TOOLS = ("Cornerstone3DTools@", "cornerstoneTools@")
GROUP, IDENTIFIER, UID, FINDING, SITES = "125007", "112039", "112040", "121071", ("363698007", "G-C0E3")
LONG, SHORT = ("103339001", "G-A185", "410668003", "G-D7FE"), ("103340004", "G-A186")
"""The axes in SNOMED and in the older codes that OHIF writes; a plain length counts as a long axis."""

FREE_TEXT = "CORNERSTONEFREETEXT"
AGREES_MM, AGREES = 0.5, 0.02
"""A length and the distance of its end points differ by no more, in mm or as a share."""

DAMAGED = (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)
"""What pydicom, and what is read with it, raise for values that are none."""

DEEPEST = 12
"""Containers within each other; measurement groups lie in the third."""


@dataclass(frozen=True)
class FoundLesion:
    """One lesion as a report has it.

    Args:
        name: what it is called there, or "".
        tracking_uid: there; OHIF makes a new one for each report.
        center_mm: the middle of the long axis, or its point; LPS mm of the series.
        fate: one of `lesion_tracker.records.fate.FATES`.
        long_axis_mm: or None.
        short_axis_mm: or None.
        long_ends_mm: end points of the long axis, or None.
        short_ends_mm: of the short one, or None.
        report_uid: SOPInstanceUID of the report.
        made_at: YYYYMMDDHHMMSS, when the report was made.
        made_by: "Lesion Tracker" or "OHIF".
    """

    name: str
    tracking_uid: str
    center_mm: Point
    fate: str = PRESENT.name
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    long_ends_mm: Ends | None = None
    short_ends_mm: Ends | None = None
    report_uid: str = ""
    made_at: str = ""
    made_by: str = ""

    @property
    def radius_mm(self) -> float | None:
        """Half of the long axis."""
        return None if self.long_axis_mm is None else self.long_axis_mm / 2

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Found:
    """What a report holds.

    Args:
        lesions: that can be taken over.
        passed_over: a sentence on each measurement that cannot.
    """

    lesions: tuple[FoundLesion, ...] = ()
    passed_over: tuple[str, ...] = ()


def found_in_file(path: Path, source: SourceSeries) -> Found:
    """Return what `found_in` returns of a file; one that cannot be read is passed over."""
    try:
        return found_in(pydicom.dcmread(path), source)
    except (InvalidDicomError, *DAMAGED) as error:
        return Found(passed_over=(f"{path.name} cannot be read as a report: {error}",))


def found_in(report: Dataset, source: SourceSeries) -> Found:
    """Return the lesions that a report measures on a series; nothing for any other kind of DICOM object.

    Args:
        report: as it lies in a file.
        source: the series.
    """
    if report.get("SOPClassUID") not in REPORTS:
        return Found()
    whose, patient = (str(one.get("PatientID") or "").strip() for one in (report, source.slices[0]))
    if whose and patient and whose != patient:
        return Found(passed_over=(f"a report of patient {whose[:64]!r}, the series is of {patient[:64]!r}",))
    numbers = {str(one.SOPInstanceUID): k for k, one in enumerate(source.slices)}
    lesions, passed_over = [], []
    for group in _groups(report):
        identifier = _text(group, IDENTIFIER)
        if not identifier.startswith((*OHIF_TOOLS, f"{SCHEME}:")):
            passed_over.append(f"{identifier[:64] or 'a measurement without a name'}: of another program")
            continue
        try:
            lesions.append(_lesion(report, group, identifier, source, numbers))
        except (InputError, *DAMAGED) as error:
            passed_over.append(f"{_name(group, identifier) or identifier[:64]}: {error}")
    return Found(tuple(lesions), tuple(passed_over))


def _lesion(
    report: Dataset, group: Dataset, identifier: str, source: SourceSeries, numbers: Mapping[str, int]
) -> FoundLesion:
    long_mm, long_ends = _axis(group, LONG, source, numbers)
    short_mm, short_ends = _axis(group, SHORT, source, numbers)
    line = _points(_child(group, "SCOORD"), source, numbers)[:1] if long_ends is None else np.array(long_ends)
    center = line.mean(axis=0)
    fate = _fate(group, identifier)
    if FATES[fate].others != "none":
        raise InputError(f"it is {FATES[fate].words}, and a report does not say with which: say so on the review page")
    if long_mm is None and FATES[fate].has_place:
        raise InputError("it has no length: nothing to take over")
    x, y, z = (round(float(value), 3) for value in center)
    return FoundLesion(
        name=_name(group, identifier),
        tracking_uid=clean_uid(_text(group, UID)),
        center_mm=(x, y, z),
        fate=fate,
        long_axis_mm=long_mm,
        short_axis_mm=short_mm,
        long_ends_mm=long_ends,
        short_ends_mm=short_ends,
        report_uid=str(report.get("SOPInstanceUID", "")),
        made_at=f"{report.get('ContentDate', '')}{report.get('ContentTime', '')}"[:14],
        made_by=PRODUCT if str(report.get("Manufacturer", "")) == PRODUCT else "OHIF",
    )


def _axis(
    group: Dataset, codes: Sequence[str], source: SourceSeries, numbers: Mapping[str, int]
) -> tuple[float | None, Ends | None]:
    """Return a length, mm, and the end points that it was measured between."""
    item = next((one for one in _children(group, "NUM") if _code(one) in codes), None)
    if item is None:
        return None, None
    values = item.get("MeasuredValueSequence") or [Dataset()]
    unit = (values[0].get("MeasurementUnitsCodeSequence") or [Dataset()])[0].get("CodeValue", "")
    length_mm = float(values[0].get("NumericValue", math.nan))
    if unit != "mm" or not 0 < length_mm <= 2 * LARGEST_RADIUS_MM:
        raise InputError(f"its length is {length_mm:g} {str(unit)[:16] or 'of no unit'}, not mm of a lesion")
    points = _points(_child(item, "SCOORD"), source, numbers)
    if len(points) != 2:
        raise InputError(f"its length has {len(points)} points: no line")
    apart_mm = float(np.linalg.norm(points[1] - points[0]))
    if abs(apart_mm - length_mm) > max(AGREES_MM, AGREES * length_mm):
        raise InputError(f"its length is {length_mm:.1f} mm, and its end points are {apart_mm:.1f} mm apart")
    first, last = (tuple(round(float(value), 3) for value in point) for point in points)
    return round(length_mm, 3), (first, last)  # type: ignore[return-value] # three numbers each


def _points(item: Dataset | None, source: SourceSeries, numbers: Mapping[str, int]) -> np.ndarray:
    """Return the points of a SCOORD as LPS mm, shape (n, 3)."""
    image = _child(item, "IMAGE") if item is not None else None
    named = (image.get("ReferencedSOPSequence") or [Dataset()])[0] if image is not None else Dataset()
    uid = str(named.get("ReferencedSOPInstanceUID", ""))
    if item is None or uid not in numbers:
        raise InputError("it was measured on another series" if uid else "it has no place on a slice")
    data = np.array(item.get("GraphicData") or [], dtype=np.float64)
    if len(data) < 2 or len(data) % 2 or not np.isfinite(data).all():
        raise InputError("its coordinates are no points")
    pixels = data.reshape(-1, 2)
    index = np.column_stack([pixels - 0.5, np.full(len(pixels), float(numbers[uid]))])
    points = np.asarray(source.grid.lps_from_indices(index))
    if not source.grid.contains(points, margin_mm=1.0).all():
        raise InputError("its points lie outside of the slice")
    return points


def _fate(group: Dataset, identifier: str) -> str:
    """Return what became of it: our own code, or the second part of our identifier; else it is there."""
    said = [one for one in _children(group, "CODE") if _code(one) == FATE.value]
    words = [str((one.get("ConceptCodeSequence") or [Dataset()])[0].get("CodeValue", "")) for one in said]
    if identifier.startswith(f"{SCHEME}:"):
        words.append(identifier.split(":")[1])
    return next((word for word in words if word in FATES), PRESENT.name)


def _name(group: Dataset, identifier: str) -> str:
    """Return what a lesion is called: behind our identifier, or the free text that OHIF writes as finding or site."""
    parts = identifier.split(":", 2)
    if len(parts) == 3 and parts[2].strip():
        return parts[2].strip()
    for wanted in ((FINDING,), SITES):
        for item in _children(group, "CODE"):
            code = (item.get("ConceptCodeSequence") or [Dataset()])[0]
            is_name = str(code.get("CodeValue", "")) == FREE_TEXT or code.get("CodingSchemeDesignator") == SCHEME
            if _code(item) in wanted and is_name:
                return str(code.get("CodeMeaning", "")).strip()
    return ""


def _groups(item: Dataset, depth: int = 0) -> Iterator[Dataset]:
    for one in item.get("ContentSequence") or []:
        if _code(one) == GROUP:
            yield one
        elif depth < DEEPEST:
            yield from _groups(one, depth + 1)


def _children(item: Dataset, kind: str) -> list[Dataset]:
    return [one for one in item.get("ContentSequence") or [] if one.get("ValueType") == kind]


def _child(item: Dataset, kind: str) -> Dataset | None:
    return next(iter(_children(item, kind)), None)


def _code(item: Dataset) -> str:
    """Return the value of the code that names an item."""
    return str((item.get("ConceptNameCodeSequence") or [Dataset()])[0].get("CodeValue", ""))


def _text(group: Dataset, code: str) -> str:
    item = next((one for one in group.get("ContentSequence") or [] if _code(one) == code), Dataset())
    return str(item.get("TextValue", "") or item.get("UID", "")).strip()
