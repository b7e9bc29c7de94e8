"""How records are made from each other: the one place that says what a mark, a track and an answer hand on."""

from dataclasses import replace
from typing import Any

from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion, Marked
from lesion_tracker.records.state import FOUND, OUTSIDE, UNCERTAIN
from lesion_tracker.records.track import Track

SAME_FRAME = "same frame of reference"
"""The method of a point that was passed on without any registration."""

SAME_VOXELS = "same voxels, corrected header"
"""The method of a point that was carried over to where its voxel lies now."""


def expected_track(
    lesion: Lesion,
    baseline_study: str,
    followup_study: str,
    expected_mm: tuple[float, float, float],
    radius_mm: float,
    method: str,
    **more: Any,
) -> Track:
    """Return a track that ends where its lesion is expected: uncertain, of confidence 0, until something speaks for it.

    Args:
        lesion: as marked in the baseline.
        baseline_study: id.
        followup_study: id.
        expected_mm: LPS mm of the follow-up.
        radius_mm: there.
        method: what expects it.
        more: further fields of the track.
    """
    return Track(
        lesion_id=lesion.id,
        baseline_study=baseline_study,
        followup_study=followup_study,
        center_mm=expected_mm,
        expected_radius_mm=radius_mm,
        confidence=0.0,
        state=UNCERTAIN.name,
        expected_mm=expected_mm,
        method=method,
        tracking_uid=lesion.tracking_uid,
        label=lesion.label,
        baseline_mm=lesion.center_mm,
        **more,
    )


def shown_mark(lesion: Lesion) -> Track:
    """Return a mark as the track of a lesion onto itself, for showing it."""
    own = lesion.study_id
    track = expected_track(lesion, own, own, lesion.center_mm, lesion.radius_mm, "marked by a reader")
    return track.with_changes(confidence=1.0, state=FOUND.name)


def passed_on(lesion: Lesion, baseline_study: str, followup_study: str, is_inside: bool) -> Track:
    """Return a lesion of one series as it is in another series of the same study and frame of reference.

    Args:
        lesion: as marked in the one.
        baseline_study: id of the one.
        followup_study: id of the other.
        is_inside: whether its point lies inside the other.
    """
    track = expected_track(lesion, baseline_study, followup_study, lesion.center_mm, lesion.radius_mm, SAME_FRAME)
    return track.with_changes(confidence=1.0, state=(FOUND if is_inside else OUTSIDE).name)


def at_same_voxel(lesion: Lesion, study: str, center_mm: tuple[float, float, float]) -> Track:
    """Return a lesion on the same voxels of a study whose header was corrected.

    Args:
        lesion: as marked before.
        study: id.
        center_mm: where its voxel lies now, LPS mm.
    """
    track = expected_track(lesion, study, study, center_mm, lesion.radius_mm, SAME_VOXELS)
    return track.with_changes(confidence=1.0, state=FOUND.name)


def followed(lesion: Marked, track: Track) -> Lesion:
    """Return a lesion of the first study where its track ends, to be tracked on from there."""
    return Lesion(
        track.lesion_id, track.center_mm, track.expected_radius_mm, label=lesion.label, tracking_uid=lesion.tracking_uid
    )


def accepted(track: Track, by: str) -> Correction:
    """Return the answer that a tracked point is right."""
    return Correction(track, track.center_mm, by, verdict="accepted")


def answered_lesion(answer: Correction, study_id: str) -> Lesion:
    """Return what a reader corrected or accepted in a follow-up as a lesion of it; the radius is the expected one."""
    track = answer.track
    return Lesion(
        id=track.lesion_id,
        center_mm=answer.center_mm,
        radius_mm=track.expected_radius_mm,
        label=track.label,
        tracking_uid=track.tracking_uid,
        study_id=study_id,
        marked_by=answer.corrected_by,
        marked_at=answer.corrected_at,
        radius_source="expected",
    )


def answered_mark(mark: Lesion, answer: Correction) -> Lesion:
    """Return a mark where a later answer to a track of the same lesion puts it."""
    return replace(mark, center_mm=answer.center_mm, marked_by=answer.corrected_by, marked_at=answer.corrected_at)


def answered_track(track: Track, answer: Correction) -> Track:
    """Return a track as a reader left it: at the reader's point, found, with confidence 1; moved, it is not measured."""
    sized = track if answer.verdict == "accepted" else track.without_size()
    return sized.with_changes(
        center_mm=answer.center_mm,
        confidence=1.0,
        presence=None,
        placement=None,
        radius_90_mm=None,
        contrast_lost=False,
        parts="",
        state=FOUND.name,
        note=f"{answer.verdict} by a reader",
    )
