"""Marks without a size are measured."""

from collections.abc import Sequence

from lesion_tracker.arrays import point_mm
from lesion_tracker.measurement.measure import radius_at
from lesion_tracker.records.lesion import SMALLEST_RADIUS_MM, Lesion, Marked, Spot
from lesion_tracker.volumes.inside import require_inside
from lesion_tracker.volumes.volume import Volume


def sized(marks: Sequence[Marked], volume: Volume, study_id: str) -> list[Lesion]:
    """Return the marks as lesions, in their order.

    Args:
        marks: of a study.
        volume: the study.
        study_id: for the message.

    Raises:
        PointOutsideError: for a mark without a size that lies outside the study.
    """
    spots = [mark.sized(SMALLEST_RADIUS_MM) for mark in marks if isinstance(mark, Spot)]
    require_inside(spots, volume.grid, study_id)
    return [
        mark.sized(radius_at(volume, point_mm(mark.center_mm))) if isinstance(mark, Spot) else mark for mark in marks
    ]
