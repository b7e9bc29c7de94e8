"""Lesions of a pair of studies to tracks: registration, then the network where it is asked for, then confidence."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import PointOutsideError, RegistrationFailed, WeightsError
from lesion_tracker.network.inputs import hu_source
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.method import DEFAULT_METHOD, Method, method_named
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.register import register
from lesion_tracker.tracking.candidates import propose
from lesion_tracker.tracking.confidence import UNCALIBRATED, Calibration, registration_confidence, uncalibrated_state
from lesion_tracker.tracking.evidence import gather, similarity_at
from lesion_tracker.tracking.fusion import fuse, network_alone
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.search import search

NO_WEIGHTS = "no weights are published; registration alone answered"


@dataclass(frozen=True)
class _Job:
    """What all lesions of one call share."""

    pair: Pair
    registration: FollowupFromBaseline
    method: Method
    model: Tracker | None
    note: str
    created_at: str
    warnings: tuple[str, ...]
    registration_s: float


def track(
    pair: Pair,
    lesions: Sequence[Lesion],
    method: str = DEFAULT_METHOD,
    *,
    model: Tracker | None = None,
    cache: RegistrationCache | None = None,
) -> list[Track]:
    """Find lesions of a baseline study in a follow-up study.

    Args:
        pair: both studies, HU and LPS mm.
        lesions: centres in LPS mm of the baseline.
        method: one of `lesion_tracker.records.method.METHODS`.
        model: published weights, for the methods that use them.
        cache: of registrations.

    Returns:
        One track a lesion, in the same order.

    Raises:
        PointOutsideError: if a lesion lies outside the baseline.
        RegistrationFailed: for a study without a body, and for studies that have nothing in common.
        WeightsError: for a method that needs weights, without them.
        ValueError: for an unknown method.
    """
    chosen = method_named(method)
    if chosen.needs_weights and model is None:
        raise WeightsError(
            f"method {method!r} needs weights, and none are published; use 'auto' or a registration method"
        )
    for lesion in lesions:
        require_inside(pair, lesion)
    started = time.perf_counter()
    registration, note = _register(pair, chosen, cache)
    job = _Job(
        pair=pair,
        registration=registration,
        method=chosen,
        model=model if chosen.network != "unused" else None,
        note=_join(note, NO_WEIGHTS if chosen.network == "fused" and model is None else ""),
        created_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        warnings=(
            *pair.baseline.warnings,
            *pair.followup.warnings,
            *(doubt.sentence for doubt in registration.doubts),
        ),
        registration_s=time.perf_counter() - started,
    )
    tracks = [_track_one(job, lesion) for lesion in lesions]
    return [_doubted(one) for one in tracks] if registration.doubts else tracks


def _doubted(answer: Track) -> Track:
    """Return an answer on a doubtful registration: its state is "uncertain" at most."""
    return answer.with_changes(state="uncertain") if answer.state == "found" else answer


def require_inside(pair: Pair, lesion: Lesion) -> None:
    """Refuse a lesion that lies outside its study.

    Raises:
        PointOutsideError: with the point, the study's extent and the likely cause.
    """
    if bool(pair.baseline.grid.contains(np.array([lesion.center_mm]))[0]):
        return
    low, high = (tuple(round(float(v), 1) for v in corner) for corner in pair.baseline.grid.bounds_mm())
    flipped = np.array([lesion.center_mm]) * [-1, -1, 1]
    cause = (
        "Slicer points are RAS: were x and y negated?"
        if pair.baseline.grid.contains(flipped)[0]
        else "is it a point of another study?"
    )
    raise PointOutsideError(
        f"lesion {lesion.id!r} at {lesion.center_mm} is outside study {pair.baseline_id!r}, which spans {low} to {high} "
        f"(LPS mm). {cause}"
    )


def _register(pair: Pair, method: Method, cache: RegistrationCache | None) -> tuple[FollowupFromBaseline, str]:
    """Register as the method asks; one that fails leaves the method's fallback, and the note says so."""
    try:
        return register(pair.baseline, pair.followup, method.registration, cache), ""
    except RegistrationFailed as error:
        if not method.fallback:
            raise
        found = register(pair.baseline, pair.followup, method.fallback, cache)
        return found, f"the {method.registration} registration failed ({error}); the {method.fallback} one was used"


def _track_one(job: _Job, lesion: Lesion) -> Track:
    center = np.array(lesion.center_mm)
    expected = job.registration(center[None])[0]
    radius = float(np.clip(lesion.radius_mm * job.registration.radius_scale, 0.5, 200.0))
    answer = Track(
        lesion_id=lesion.id,
        baseline_study=job.pair.baseline_id,
        followup_study=job.pair.followup_id,
        center_mm=_tuple(expected),
        radius_mm=radius,
        confidence=0.0,
        state="uncertain",
        expected_mm=_tuple(expected),
        method=job.method.name,
        tracking_uid=lesion.tracking_uid,
        label=lesion.label,
        registration={
            "method": job.registration.method,
            "fallback": job.registration.fallback,
            **job.registration.quality,
        },
        seconds={"registration": job.registration_s, "network": 0.0, "total": job.registration_s},
        created_at=job.created_at,
        note="; ".join(part for part in (job.note, job.registration.fallback) if part),
        warnings=job.warnings,
    )
    if not bool(job.pair.followup.grid.contains(expected[None])[0]):
        return answer.with_changes(
            state="outside",
            method=_registration_name(job),
            note=_join(answer.note, "the expected point was not scanned"),
        )
    if job.model is None:
        return _by_registration(job, lesion, answer)
    return _by_network(job, job.model, lesion, answer)


def _by_registration(job: _Job, lesion: Lesion, answer: Track) -> Track:
    similarity, inside = similarity_at(
        job.pair, job.registration, np.array(lesion.center_mm), lesion.radius_mm, np.array(answer.expected_mm)
    )
    confidence = registration_confidence(similarity, inside, job.registration.fallback)
    return answer.with_changes(
        confidence=confidence, state=uncalibrated_state(confidence), method=_registration_name(job)
    )


def _registration_name(job: _Job) -> str:
    """Return the method that really answered; a fallback names itself."""
    name = job.registration.method
    if job.registration.fallback:
        name = f"{name} ({job.registration.fallback})"
    if job.method.network == "fused" and job.model is None:
        return f"{name} ({job.method.name}: no published weights)"
    return name


def _by_network(job: _Job, model: Tracker, lesion: Lesion, answer: Track) -> Track:
    started = time.perf_counter()
    center, expected = np.array(lesion.center_mm), np.array(answer.expected_mm)
    seen = search(
        model,
        hu_source(job.pair.baseline),
        center,
        lesion.radius_mm,
        hu_source(job.pair.followup),
        expected,
        answer.radius_mm,
    )
    candidates = propose(job.pair, job.registration, center, lesion.radius_mm, expected, seen)
    evidence = gather(job.pair, job.registration, center, lesion.radius_mm, candidates, seen)
    calibration = model.card.get("calibration")
    rules = Calibration.from_json(calibration) if calibration else UNCALIBRATED
    if job.method.network == "alone":
        fused = network_alone(seen.center_mm, candidates, evidence, rules)
    else:
        fused = fuse(candidates, evidence, rules)
    seconds = time.perf_counter() - started
    return answer.with_changes(
        center_mm=_tuple(fused.center_mm),
        confidence=float(np.clip(fused.confidence, 0.0, 1.0)),
        state="found" if fused.confidence >= rules.found_from else "uncertain",
        method=f"{job.method.name} ({job.registration.method} prior, {fused.chosen})",
        calibrated=bool(calibration),
        model={"name": model.name, "sha256": model.sha256},
        seconds={"registration": job.registration_s, "network": seconds, "total": job.registration_s + seconds},
        note=_join(answer.note, fused.note),
    )


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _tuple(point: PointMm) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in point)
    return x, y, z
