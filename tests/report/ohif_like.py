"""A report as OHIF's *Create SR* writes it (dcmjs, TID 1500): older codes, free text as finding, and little else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian

from lesion_tracker.volumes.dicom_writer import uid_of

LONG, SHORT = ("G-A185", "SRT", "Long Axis"), ("G-A186", "SRT", "Short Axis")
Line = tuple[float, float, float, float]


@dataclass(frozen=True)
class Drawn:
    """A bidirectional measurement that a reader drew.

    Args:
        image: SOPInstanceUID of the slice.
        long: end points in pixels, as the SCOORD has them.
        length: as the NUM has it.
        name: its label, or "".
        short: of the short axis, or None: OHIF's *Length*.
        width: of the short axis.
        tool: of its tracking identifier.
        unit: of the lengths.
    """

    image: str
    long: Line
    length: float
    name: str = ""
    short: Line | None = None
    width: float = 0.0
    tool: str = "Cornerstone3DTools@^0.1.0:Bidirectional"
    unit: str = "mm"


def ohif_report(
    study_uid: str, drawn: Sequence[Drawn], *, made_at: str = "20260101120000", patient: str = "P^Q"
) -> FileDataset:
    """Return a report of measurements, each under a new TrackingUID."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    meta.MediaStorageSOPInstanceUID = uid_of("ohif", made_at, *(f"{one}" for one in drawn))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    report.is_little_endian, report.is_implicit_VR = True, False
    report.SOPClassUID, report.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    report.StudyInstanceUID, report.SeriesInstanceUID = study_uid, uid_of("ohif", made_at)
    report.Modality, report.Manufacturer, report.PatientID = "SR", "Unspecified", patient
    report.ContentDate, report.ContentTime = made_at[:8], made_at[8:]
    report.ValueType, report.ConceptNameCodeSequence = "CONTAINER", _code("126000", "DCM", "Imaging Measurement Report")
    groups = [_group(one, uid_of(str(report.SOPInstanceUID), str(number))) for number, one in enumerate(drawn)]
    report.ContentSequence = Items([_item("CONTAINER", "126010", "DCM", "Imaging Measurements", *groups)])
    return report


def saved(report: FileDataset, path: Path) -> Path:
    """Write a report."""
    report.save_as(path, write_like_original=False)
    return path


def _group(one: Drawn, tracking_uid: str) -> Dataset:
    identifier = _item("TEXT", "112039", "DCM", "Tracking Identifier")
    identifier.TextValue = one.tool
    uid = _item("UIDREF", "112040", "DCM", "Tracking Unique Identifier")
    uid.UID = tracking_uid
    items = [identifier, uid]
    if one.name:
        finding = _item("CODE", "121071", "DCM", "Finding")
        finding.ConceptCodeSequence = _code("CORNERSTONEFREETEXT", "CORNERSTONEJS", one.name)
        items.append(finding)
    items.append(_number(LONG, one.length, one.unit, one.long, one.image))
    if one.short is not None:
        items.append(_number(SHORT, one.width, one.unit, one.short, one.image))
    return _item("CONTAINER", "125007", "DCM", "Measurement Group", *items)


def _number(code: tuple[str, str, str], value: float, unit: str, line: Line, image: str) -> Dataset:
    picture = Dataset()
    picture.ValueType, picture.RelationshipType = "IMAGE", "SELECTED FROM"
    named = Dataset()
    named.ReferencedSOPInstanceUID = image
    picture.ReferencedSOPSequence = Items([named])
    drawn = Dataset()
    drawn.ValueType, drawn.RelationshipType, drawn.GraphicType = "SCOORD", "INFERRED FROM", "POLYLINE"
    drawn.GraphicData, drawn.ContentSequence = list(line), Items([picture])
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = f"{value:.6f}", _code(unit, "UCUM", unit)
    item = _item("NUM", *code, drawn)
    item.MeasuredValueSequence = Items([measured])
    return item


def _item(kind: str, value: str, scheme: str, meaning: str, *inner: Dataset) -> Dataset:
    item = Dataset()
    item.ValueType, item.RelationshipType = kind, "CONTAINS"
    item.ConceptNameCodeSequence = _code(value, scheme, meaning)
    if inner:
        item.ContentSequence = Items(inner)
    return item


def _code(value: str, scheme: str, meaning: str) -> Items:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return Items([code])
