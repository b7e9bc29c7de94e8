"""A study's lesions as a DICOM structured report (Comprehensive SR, TID 1500), which OHIF takes for measurements of its own.

What OHIF asks for: the meanings of the codes word by word, a tracking identifier that names its tool, coordinates in every
measurement, and the name as the meaning of the finding's code. A lesion without axes is a point, and no measurement of OHIF's.
"""

from collections.abc import Sequence

import numpy as np
from highdicom import UID, sr
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

import lesion_tracker
from lesion_tracker.arrays import PointsMm
from lesion_tracker.errors import InputError
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.report.dicom_codes import (
    CHECKED,
    CT,
    CUBIC_MILLIMETER,
    DEVICE,
    FATE,
    LONG_AXIS,
    MILLIMETER,
    NOT_YET,
    PERSON,
    REPORT,
    SCHEME,
    SHORT_AXIS,
    SOURCE,
    VOLUME,
    private,
)
from lesion_tracker.report.dicom_lesion import (
    DESCRIPTION,
    PRODUCT,
    MadeBy,
    ReportedLesion,
    content_hash,
    fate_code,
)
from lesion_tracker.report.dicom_source import SourceSeries
from lesion_tracker.volumes.dicom_writer import uid_of

TOOL = "Cornerstone3DTools@^0.1.0:Bidirectional"
SERIES_NUMBER = 9001


def structured_report(source: SourceSeries, lesions: Sequence[ReportedLesion], made_by: MadeBy) -> sr.ComprehensiveSR:
    """Return one report of a study, not verified and not final; the same content has the same UIDs.

    Args:
        source: the series that was measured.
        lesions: of the study.
        made_by: who and what made it.

    Raises:
        InputError: without lesions, or for points that do not lie in a slice of the series.
    """
    if not lesions:
        raise InputError("there is no lesion to report")
    groups = [_group(source, lesion, made_by) for lesion in lesions]
    used = source.evidence(sorted({k for _, k in groups}))
    content = sr.MeasurementReport(
        observation_context=_context(source, made_by),
        procedure_reported=CT,
        imaging_measurements=[group for group, _ in groups],
        title=REPORT,
        referenced_images=used,
    )
    series_uid = uid_of(str(source.slices[0].SeriesInstanceUID), PRODUCT, "SR")
    report = sr.ComprehensiveSR(
        evidence=used,
        content=content,
        series_instance_uid=series_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of(series_uid, content_hash(lesions, made_by)),
        instance_number=1,
        manufacturer=PRODUCT,
        is_complete=True,
        series_description=DESCRIPTION,
    )
    source.finish(report)
    return report


def _context(source: SourceSeries, made_by: MadeBy) -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=UID(uid_of(PRODUCT, lesion_tracker.__version__)),
        name=PRODUCT,
        manufacturer_name=PRODUCT,
        model_name=made_by.model or None,
        serial_number=lesion_tracker.__version__,
    )
    return sr.ObservationContext(
        observer_person_context=_person(made_by.reader) if made_by.reader else None,
        observer_device_context=sr.ObserverContext(DEVICE, device),
    )


def _person(reader: str) -> sr.ObserverContext:
    return sr.ObserverContext(PERSON, sr.PersonObserverIdentifyingAttributes(name=f"{reader.replace('^', ' ')}^"))


def _group(
    source: SourceSeries, lesion: ReportedLesion, made_by: MadeBy
) -> tuple[sr.PlanarROIMeasurementsAndQualitativeEvaluations, int]:
    """Return what is measured of a lesion, and the number of its slice."""
    measured = lesion.measured
    points = np.array(measured.long_ends_mm if measured else [lesion.place_mm])
    k = source.slice_of(points)
    image = source.slices[k]
    ring = _key_ring(source, measured, k) if measured else points
    kind = sr.GraphicTypeValues.POLYLINE if measured else sr.GraphicTypeValues.POINT
    pixels = source.pixels_of(ring, k)
    tool = TOOL if measured else f"{SCHEME}:{lesion.fate}"
    group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(UID(lesion.tracking_uid), f"{tool}:{lesion.name}"),
        referenced_region=sr.ImageRegion(kind, pixels, sr.SourceImageForRegion.from_source_image(image)),
        finding_type=private("lesion", lesion.name),
        finding_sites=[sr.FindingSite(lesion.site)] if lesion.site else None,
        algorithm_id=_algorithm(measured, made_by) if measured and measured.version else None,
        measurements=_measurements(source, measured, k, pixels) if measured else [],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(FATE, fate_code(lesion)),
            *([] if lesion.confirmed else [sr.QualitativeEvaluation(CHECKED, NOT_YET)]),
        ],
    )
    if measured and measured.changed_by:  # who drew it counts for its group before who made the report
        group[0].ContentSequence.extend(_person(measured.changed_by))
    return group, k


def _algorithm(measured: Measurement, made_by: MadeBy) -> sr.AlgorithmIdentification:
    return sr.AlgorithmIdentification(
        f"{PRODUCT}: {measured.method}", measured.version, parameters=made_by.parameters or None
    )


def _key_ring(source: SourceSeries, measured: Measurement, k: int) -> PointsMm:
    """Return the ring of the outline on which the long axis ends; without one in that slice, the long axis."""
    rings = [np.array(ring) for ring in measured.outline]
    here = [ring for ring in rings if source.slice_of(ring) == k]
    end = np.array(measured.long_ends_mm[0])
    return min(here, key=lambda ring: np.linalg.norm(ring - end, axis=1).min(), default=np.array(measured.long_ends_mm))


def _measurements(source: SourceSeries, measured: Measurement, k: int, outline: np.ndarray) -> list[sr.Measurement]:
    """Return both axes and, where it is known, the volume, each with its coordinates."""
    ends = [source.pixels_of(np.array(points), k) for points in (measured.long_ends_mm, measured.short_ends_mm)]
    rows = [
        (LONG_AXIS, measured.long_axis_mm, MILLIMETER, ends[0]),
        (SHORT_AXIS, measured.short_axis_mm, MILLIMETER, ends[1]),
    ]
    if measured.volume_ml is not None:
        rows.append((VOLUME, measured.volume_ml * 1000, CUBIC_MILLIMETER, outline))
    return [_measurement(source.slices[k], *row) for row in rows]


def _measurement(
    image: Dataset, name: CodedConcept, value: float, unit: CodedConcept, pixels: np.ndarray
) -> sr.Measurement:
    """Return a number with the line that it was measured along, which highdicom 0.22 has no argument for."""
    number = sr.Measurement(name, round(value, 2), unit)
    line = sr.ScoordContentItem(
        SOURCE, sr.GraphicTypeValues.POLYLINE, pixels, relationship_type=sr.RelationshipTypeValues.INFERRED_FROM
    )
    of_image = sr.ImageContentItem(
        SOURCE, image.SOPClassUID, image.SOPInstanceUID, relationship_type=sr.RelationshipTypeValues.SELECTED_FROM
    )
    line.ContentSequence = sr.ContentSequence([of_image])
    number[0].ContentSequence = sr.ContentSequence([line])
    return number
