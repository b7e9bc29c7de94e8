"""Lesions of a pair of studies to tracks: registration, then the network where it is asked for, then confidence."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
from scipy.spatial import KDTree

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import WeightsError
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.records.derived import expected_track
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.method import Method, method_named
from lesion_tracker.records.state import FOUND, OUTSIDE, UNCERTAIN
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.registration.deformable import SPACING_MM
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.confidence import (
    ALIKE,
    ALIKE_AFFINE,
    UNCALIBRATED,
    doubted,
    registration_confidence,
    uncalibrated_state,
)
from lesion_tracker.tracking.judge import Judged, Rules, judge, judge_alone, rules_of
from lesion_tracker.tracking.look import Looked, look
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.registered import Registered, device_beside
from lesion_tracker.tracking.similarity import similarity_at
from lesion_tracker.tracking.size import with_size
from lesion_tracker.volumes.inside import require_inside

APART_MM = 5.0
"""From here on an answer says that the map of the whole pair and the one found round the lesion differ; on real pairs 1 mm."""

ONE_POINT_MM = 1.0
"""Lesions whose marks are nearer to each other than this may be one."""

NO_WEIGHTS = "no weights are published; registration alone answered"


@dataclass(frozen=True)
class _Job:
    """What all lesions of one call share."""

    pair: Pair
    registered: Registered
    method: Method
    model: Tracker | None
    rules: Rules
    note: str
    created_at: str
    going_on: Callable[[], None]


def track(
    pair: Pair,
    lesions: Sequence[Lesion],
    options: TrackOptions | None = None,
    *,
    model: Tracker | None = None,
    problem: str = "",
    cache: RegistrationCache | None = None,
    device: torch.device | None = None,
    going_on: Callable[[], None] | None = None,
) -> list[Track]:
    """Find lesions of a baseline study in a follow-up study; `lesion_tracker.tracking.session` is the way here.

    Args:
        pair: both studies, HU and LPS mm.
        lesions: centres in LPS mm of the baseline.
        options: what is asked for; None: the defaults.
        model: published weights, for the methods that use them.
        problem: why there are no weights, where there are none.
        cache: of registrations.
        device: where what lies round lesions is registered; None: on the processor by greedy, or on CUDA where the model is.
        going_on: called before each stage and each few lesions; what it raises ends the tracking.

    Returns:
        One track a lesion, in the same order.

    Raises:
        PointOutsideError: if a lesion lies outside the baseline.
        RegistrationFailed: for a study without a body, and for studies that have nothing in common.
        WeightsError: for a method that needs weights, without them.
        ValueError: for an unknown method.
    """
    options = options or TrackOptions()
    method = method_named(options.method)
    if method.needs_weights and model is None:
        raise WeightsError(
            f"method {method.name!r} needs weights, and there are none to use: {problem or 'none are published'}; use "
            "'auto' or a registration method"
        )
    require_inside(lesions, pair.baseline.grid, pair.baseline_id)
    registered = Registered(pair, method, options.refine == "yes", cache, device or device_beside(model))
    missing = method.network == "fused" and model is None
    job = _Job(
        pair=pair,
        registered=registered,
        method=method,
        model=model if method.network != "unused" else None,
        rules=rules_of(model.card, model.sha256) if model is not None else Rules(UNCALIBRATED),
        note=_join(registered.note, NO_WEIGHTS + (f" ({problem})" if problem else "") if missing else ""),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        going_on=going_on or (lambda: None),
    )
    cases, tracks = _tracked(job, lesions)
    if options.measure == "yes":
        tracks = [_measured(job, case, one) for case, one in zip(cases, tracks, strict=True)]
    twice = _marked_twice(lesions)
    tracks = [one.with_changes(note=_join(one.note, *_become(one), twice.get(one.lesion_id, ""))) for one in tracks]
    return [
        _doubted(one, job.rules) if case.registration.doubts else one for case, one in zip(cases, tracks, strict=True)
    ]


def _measured(job: _Job, case: Case, answer: Track) -> Track:
    job.going_on()
    return with_size(case, answer)


def _marked_twice(lesions: Sequence[Lesion]) -> dict[str, str]:
    """Return what a reader should know of lesions that are marked at one point, by their ids."""
    if len(lesions) < 2:
        return {}
    points = [one.center_mm for one in lesions]
    _, nearest = KDTree(points).query(points, k=2, distance_upper_bound=ONE_POINT_MM)  # all pairs could be millions
    other = {n: next((int(o) for o in near if o not in (n, len(lesions))), None) for n, near in enumerate(nearest)}
    return {
        lesions[n].id: f"marked at one point with {lesions[o].id}: one lesion twice?"
        for n, o in other.items()
        if o is not None
    }


def _become(answer: Track) -> Iterator[str]:
    """Give the sentences of a note on what may have become of a lesion."""
    if answer.contrast_lost:
        yield "its contrast is lost at this point: it may have gone"
    if answer.parts:
        yield f"it may have split: two parts of it are seen, {answer.parts}"


def _doubted(answer: Track, rules: Rules) -> Track:
    """Return an answer on a doubtful registration: its state is "uncertain" at most, its confidence below a found one's."""
    state = UNCERTAIN.name if answer.state == FOUND.name else answer.state
    placement = answer.placement
    if placement is not None and rules.judgement is not None:
        placement = doubted(placement, rules.found_from)
    confidence = doubted(answer.confidence, rules.found_from)
    return answer.with_changes(state=state, confidence=confidence, placement=placement, radius_90_mm=None)


def _tracked(job: _Job, lesions: Sequence[Lesion]) -> tuple[list[Case], list[Track]]:
    """Return each lesion's case and track: what is seen of each is its own, then the places of all are chosen together."""
    cases: list[Case] = []
    tracks: list[Track] = []
    sought: list[int] = []
    started = time.perf_counter()
    for number, case in enumerate(job.registered.cases(lesions)):
        job.going_on()
        cases.append(case)
        tracks.append(_expected(job, case, job.registered.seconds + time.perf_counter() - started))
        started = time.perf_counter()
        if not bool(case.pair.followup.grid.contains(case.expected_mm[None])[0]):
            note = _join(tracks[-1].note, "the expected point was not scanned")
            tracks[-1] = tracks[-1].with_changes(state=OUTSIDE.name, method=_registration_name(job, case), note=note)
        elif job.model is None:
            tracks[-1] = _by_registration(job, case, tracks[-1])
        else:
            sought.append(number)
    looked = [] if job.model is None else look(job.model, [cases[number] for number in sought], job.going_on)
    for number, one, found in zip(sought, looked, _judged(job, looked), strict=True):
        tracks[number] = _by_network(job, cases[number], found, tracks[number], one.seconds + found.seconds)
    return cases, tracks


def _judged(job: _Job, looked: Sequence[Looked]) -> list[Judged]:
    """Return the answers of the network: the paper's lesion by lesion, else all together."""
    alone = job.method.network == "alone"
    return [judge_alone(one, job.rules) for one in looked] if alone else judge(looked, job.rules)


def _expected(job: _Job, case: Case, registration_s: float) -> Track:
    return expected_track(
        case.lesion,
        case.pair.baseline_id,
        case.pair.followup_id,
        _tuple(case.expected_mm),
        case.expected_radius_mm,
        job.method.name,
        registration={
            "method": case.registration.method,
            "fallback": case.registration.fallback,
            **case.registration.quality,
        },
        seconds={"registration": registration_s, "network": 0.0, "total": registration_s},
        created_at=job.created_at,
        note=_join(job.note, case.registration.fallback, _of_registration(case)),
        warnings=(*job.pair.warnings, *(doubt.sentence for doubt in case.registration.doubts)),
    )


def _by_registration(job: _Job, case: Case, answer: Track) -> Track:
    similarity, inside = similarity_at(case, case.expected_mm)
    bare = case.registration.displacement is None
    confidence = registration_confidence(similarity, inside, ALIKE_AFFINE if bare else ALIKE)
    return answer.with_changes(
        confidence=confidence, state=uncalibrated_state(confidence), method=_registration_name(job, case)
    )


def _of_registration(case: Case) -> str:
    """Return what a reader should know of a map of the whole pair: its voxels, and where one round the lesion differs."""
    quality, notes = case.registration.quality, []
    if case.registration.method == "deformable" and quality.get("voxel_mm", 0.0) > SPACING_MM:
        notes.append(f"the whole pair was registered on voxels of {quality['voxel_mm']:.1f} mm")
    if quality.get("local_mm", 0.0) >= APART_MM:
        notes.append(f"registration round the lesion alone puts it {quality['local_mm']:.0f} mm from there")
    return "; ".join(notes)


def _registration_name(job: _Job, case: Case) -> str:
    """Return the method that really answered; a fallback names itself."""
    name = case.registration.method
    if case.registration.fallback:
        name = f"{name} ({case.registration.fallback})"
    if job.method.network == "fused" and job.model is None:
        return f"{name} ({job.method.name}: no published weights)"
    return name


def _prior(case: Case) -> str:
    """Return which map the candidates start from; a deformation that failed leaves the affine one."""
    return case.registration.method if case.registration.displacement is not None else "affine"


def _by_network(job: _Job, case: Case, judged: Judged, answer: Track, seconds: float) -> Track:
    return answer.with_changes(
        center_mm=_tuple(judged.fused.center_mm),
        confidence=judged.confidence,
        presence=judged.presence,
        placement=judged.placement,
        radius_90_mm=judged.radius_90_mm,
        contrast_lost=judged.contrast_lost,
        state=judged.state,
        method=f"{job.method.name} ({_prior(case)} prior, {judged.fused.chosen})",
        calibrated=job.rules.calibrated,
        model=None if job.model is None else {"name": job.model.name, "sha256": job.model.sha256},
        seconds={**answer.seconds, "network": seconds, "total": answer.seconds["registration"] + seconds},
        note=_join(answer.note, judged.fused.note, job.rules.problem),
    )


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _tuple(point: PointMm) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in point)
    return x, y, z
