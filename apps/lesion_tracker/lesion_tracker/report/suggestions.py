"""What may have become of lesions: gone, new, merged where outlines meet, split in parts; nothing is applied by itself."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from matplotlib.path import Path as Polygon

from lesion_tracker.readers.cell_size import Size
from lesion_tracker.records.fate import PRESENT
from lesion_tracker.records.measurement import Ring
from lesion_tracker.records.track import Track
from lesion_tracker.report.patient_results import LesionResult, PatientResult, StudyResult

SAME_SLICE_MM = 0.5
"""Rings of two outlines can meet where their slices are no farther apart."""


@dataclass(frozen=True)
class Suggestion:
    """What a reader may want to say of lesions in a study.

    Args:
        what: "gone?", "new?", "merged?" or "split?".
        study_id: the study.
        lesions: ids.
        sentence: with the lesions' names and the evidence.
    """

    what: str
    study_id: str
    lesions: tuple[str, ...]
    sentence: str


def suggestions_of(patient: PatientResult) -> list[str]:
    """Return what a reader may want to say, each in a sentence with its evidence; what is said already is left out."""
    return [one.sentence for one in suggested(patient)]


def suggested(patient: PatientResult) -> list[Suggestion]:
    """Return the same as records, study by study; what has become a part of another has not gone."""
    told = [one for study in patient.studies for of in (_lost, _merged, _split) for one in of(patient, study)]
    merged = {(one.study_id, name) for one in told if one.what == "merged?" for name in one.lesions}
    return [one for one in told if one.what != "gone?" or (one.study_id, one.lesions[0]) not in merged]


def _suggest(what: str, study_id: str, lesions: tuple[LesionResult, ...], evidence: str) -> Suggestion:
    names = " and ".join(one.lesion.name for one in lesions)
    ids = tuple(one.lesion.id for one in lesions)
    return Suggestion(what, study_id, ids, f"{names} in {study_id}: {what} {evidence}")


def _lost(patient: PatientResult, study: StudyResult) -> Iterator[Suggestion]:
    """Give what has gone since it was marked, and what is new where it is marked: an earlier study has only its place."""
    for one in _there(study):
        if one.track is None or not one.track.contrast_lost:
            continue
        if _is_forwards(patient, study, one.track):
            yield _suggest("gone?", study.study.id, (one,), "Its contrast is lost at the place where it was")
        elif any(other.study.id == one.track.baseline_study for other in patient.studies):
            evidence = f"{study.study.id} shows its place without its contrast"
            yield _suggest("new?", one.track.baseline_study, (one,), evidence)


def _merged(patient: PatientResult, study: StudyResult) -> Iterator[Suggestion]:
    for (one, size), (other, its) in combinations(_outlined(study), 2):
        at_mm = _meet(size, its)
        if at_mm is not None:
            yield _suggest("merged?", study.study.id, (one, other), f"Their outlines meet at z {at_mm:.1f} mm")


def _split(patient: PatientResult, study: StudyResult) -> Iterator[Suggestion]:
    for one in _there(study):
        seen = one.track.parts if one.track and _is_forwards(patient, study, one.track) else ""
        evidence = f"Two parts of it are seen, {seen}" if seen else _fallen_apart(one.size) if one.size else ""
        if evidence:
            yield _suggest("split?", study.study.id, (one,), evidence)


def _fallen_apart(size: Size) -> str:
    outer = [ring for ring in size.rings if not any(_within(ring, other) for other in size.rings if other is not ring)]
    return f"Its outline has {len(outer)} parts at z {size.slice_mm:.1f} mm" if len(outer) > 1 else ""


def _is_forwards(patient: PatientResult, study: StudyResult, track: Track) -> bool:
    """Say whether a track that ends in a study comes from an earlier one."""
    order = [one.study.id for one in patient.studies]
    return track.baseline_study in order[: order.index(study.study.id)]


def _there(study: StudyResult) -> list[LesionResult]:
    return [one for one in study.lesions if one.seen.fate == PRESENT.name]


def _outlined(study: StudyResult) -> list[tuple[LesionResult, Size]]:
    return [(one, one.size) for one in _there(study) if one.size is not None and one.size.outline]


def _meet(size: Size, other: Size) -> float | None:
    """Return the z of a slice in which two outlines meet, LPS mm; None where they do not."""
    apart = math.dist(size.long_ends_mm[0][:2], other.long_ends_mm[0][:2])
    if apart > 2 * (size.long_axis_mm + other.long_axis_mm):
        return None
    for one, its in ((a, b) for a in size.outline for b in other.outline if abs(a[0][2] - b[0][2]) <= SAME_SLICE_MM):
        if _polygon(one).intersects_path(_polygon(its), filled=True):
            return float(one[0][2])
    return None


def _within(ring: Ring, other: Ring) -> bool:
    return bool(_polygon(other).contains_path(_polygon(ring)))


def _polygon(ring: Ring) -> Polygon:
    return Polygon(np.array(ring)[:, :2], closed=True)
