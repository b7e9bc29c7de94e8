"""A study's outlines as one DICOM SEG: a segment a lesion, under the same TrackingUID as in its report."""

from collections.abc import Sequence

import numpy as np
from highdicom import seg
from jaxtyping import Float
from matplotlib.path import Path as Polygon
from numpy import ndarray

import lesion_tracker
from lesion_tracker.arrays import Mask
from lesion_tracker.errors import InputError
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.report.dicom_codes import ABNORMAL, LESION
from lesion_tracker.report.dicom_lesion import (
    DESCRIPTION,
    PRODUCT,
    MadeBy,
    ReportedLesion,
    content_hash,
)
from lesion_tracker.report.dicom_source import SourceSeries
from lesion_tracker.volumes.dicom_writer import uid_of
from lesion_tracker.volumes.grid import Grid

SERIES_NUMBER = 9002
Ring = Float[ndarray, "_ 3"]
"""A closed line, LPS mm; each of an outline's has a number of points of its own."""


def segmentation(source: SourceSeries, lesions: Sequence[ReportedLesion], made_by: MadeBy) -> seg.Segmentation:
    """Return the outlines of a study as binary masks on its slices; the same content has the same UIDs.

    Args:
        source: the series that was measured.
        lesions: of the study; those without an outline are left out.
        made_by: who and what made it.

    Raises:
        InputError: if no lesion has an outline that covers a voxel of the series.
    """
    outlined = [(one, one.measured) for one in lesions if one.measured is not None and one.measured.outline]
    masks = [mask_of_outline([np.array(ring) for ring in measured.outline], source.grid) for _, measured in outlined]
    drawn = [(lesion, measured, mask) for (lesion, measured), mask in zip(outlined, masks, strict=True) if mask.any()]
    if not drawn:
        raise InputError("no lesion has an outline within this series: there is nothing to write as DICOM SEG")
    slices = np.flatnonzero(np.any([mask.any(axis=(1, 2)) for _, _, mask in drawn], axis=0)).tolist()
    series_uid = uid_of(str(source.slices[0].SeriesInstanceUID), PRODUCT, "SEG")
    result = seg.Segmentation(
        source_images=source.evidence(slices),
        pixel_array=np.stack([mask[slices] for _, _, mask in drawn], axis=-1),
        segmentation_type=seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _segment(number, lesion, measured, made_by) for number, (lesion, measured, _) in enumerate(drawn, start=1)
        ],
        series_instance_uid=series_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of(series_uid, content_hash(lesions, made_by)),
        instance_number=1,
        manufacturer=PRODUCT,
        manufacturer_model_name=made_by.model[:64] or PRODUCT,
        software_versions=lesion_tracker.__version__,
        device_serial_number=lesion_tracker.__version__,
        content_label="LESIONS",
        content_description=DESCRIPTION,
        series_description=DESCRIPTION,
    )
    source.finish(result)
    return result


def mask_of_outline(outline: Sequence[Ring], grid: Grid) -> Mask:
    """Return the voxels whose centres lie within an outline.

    Args:
        outline: closed rings, each (n, 3) LPS mm in one axial plane; a ring within another is a hole.
        grid: of the mask; a voxel belongs to the plane that is nearest to it, at most half their distance away.
    """
    mask = np.zeros(grid.shape, dtype=bool)
    planes = np.unique(np.round([float(ring[0, 2]) for ring in outline], 3))
    reach_mm = (np.diff(planes).min() if len(planes) > 1 else grid.spacing_mm[2]) / 2 + 1e-3
    for z in planes:
        rings = [ring for ring in outline if abs(float(ring[0, 2]) - z) < 1e-3]
        box = np.concatenate(rings)
        above = np.array([0.0, 0.0, reach_mm])
        corners = np.concatenate([box - above, box + above])
        index = grid.indices_from_lps(corners)
        low = np.clip(np.floor(index.min(axis=0)), 0, None).astype(int)
        high = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, grid.size)
        if (high <= low).any():
            continue
        k, j, i = np.meshgrid(*(np.arange(a, b) for a, b in zip(low[::-1], high[::-1], strict=True)), indexing="ij")
        points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(np.float64))
        inside = np.logical_xor.reduce([Polygon(ring[:, :2]).contains_points(points[:, :2]) for ring in rings])
        near = np.abs(points[:, 2] - z) <= reach_mm
        mask[low[2] : high[2], low[1] : high[1], low[0] : high[0]] |= (inside & near).reshape(k.shape)
    return mask


def _segment(number: int, lesion: ReportedLesion, measured: Measurement, made_by: MadeBy) -> seg.SegmentDescription:
    return seg.SegmentDescription(
        segment_number=number,
        segment_label=lesion.name[:64],
        segmented_property_category=ABNORMAL,
        segmented_property_type=LESION,
        algorithm_type=seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=made_by.algorithm(measured),
        tracking_uid=lesion.tracking_uid,
        tracking_id=lesion.name,
        anatomic_regions=[lesion.site] if lesion.site else None,
    )
