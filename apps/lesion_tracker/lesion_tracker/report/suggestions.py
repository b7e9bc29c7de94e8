"""What may have become of lesions: merged where outlines meet, split where one falls apart; nothing is applied by itself."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from matplotlib.path import Path as Polygon

from lesion_tracker.readers.cell_size import Size
from lesion_tracker.records.fate import PRESENT
from lesion_tracker.records.measurement import Ring
from lesion_tracker.report.patient_results import LesionResult, PatientResult, StudyResult

SAME_SLICE_MM = 0.5
"""Outlines are known in the slice of their axes alone: of two lesions only where both lie in one slice."""


def suggestions_of(patient: PatientResult) -> list[str]:
    """Return what a reader may want to say, each in a sentence with its evidence; what is said already is left out."""
    return [text for study in patient.studies for text in (*_merged(study), *_split(study))]


def _merged(study: StudyResult) -> Iterator[str]:
    for one, other in combinations(_outlined(study), 2):
        (lesion, size), (beside, its) = one, other
        if abs(size.slice_mm - its.slice_mm) <= SAME_SLICE_MM and _meet(size, its):
            names = f"{lesion.lesion.name} and {beside.lesion.name}"
            yield f"{names} in {study.study.id}: merged? Their outlines meet at z {size.slice_mm:.1f} mm"


def _split(study: StudyResult) -> Iterator[str]:
    for one, size in _outlined(study):
        outer = [
            ring for ring in size.rings if not any(_within(ring, other) for other in size.rings if other is not ring)
        ]
        if len(outer) > 1:
            where = f"z {size.slice_mm:.1f} mm"
            yield f"{one.lesion.name} in {study.study.id}: split? Its outline has {len(outer)} parts at {where}"


def _outlined(study: StudyResult) -> list[tuple[LesionResult, Size]]:
    there = [one for one in study.lesions if one.seen.fate == PRESENT.name]
    return [(one, one.size) for one in there if one.size is not None and one.size.rings]


def _meet(size: Size, other: Size) -> bool:
    return any(_polygon(a).intersects_path(_polygon(b), filled=True) for a in size.rings for b in other.rings)


def _within(ring: Ring, other: Ring) -> bool:
    return bool(_polygon(other).contains_path(_polygon(ring)))


def _polygon(ring: Ring) -> Polygon:
    return Polygon(np.array(ring)[:, :2], closed=True)
