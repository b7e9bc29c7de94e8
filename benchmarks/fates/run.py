"""One pair through the product: marked by clicks, tracked forwards and backwards, outlined; what is suggested is kept."""

import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.constructed.bodies import Body
from benchmarks.constructed.hard_pair import HardPair
from benchmarks.fates.scenario import VISIBLE_HU, VISIBLE_NOISE, Fate
from lesion_tracker.arrays import PointMm
from lesion_tracker.measurement.measure import radius_at
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.readers.fate_store import StudyFates
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.report.known_patient import KnownPatient, stored_result, study_result
from lesion_tracker.report.suggestions import suggested
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.core import core_points
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.session import session
from lesion_tracker.tracking.similarity import hu_at
from lesion_tracker.volumes.volume import Volume

BASELINE, FOLLOWUP = "baseline", "followup"
JITTER = 0.25
"""Clicks lie up to this share of the radius from the middle."""
MARKED_LATER = ("new", "overlooked")


@dataclass(frozen=True, eq=False)
class Click:
    """A lesion that a reader clicks.

    Args:
        lesion: as it is marked, without a radius of a reader.
        body: what is there.
        truth: what became of it.
    """

    lesion: Lesion
    body: Body
    truth: Fate


def suggested_for(made: HardPair, fates: list[Fate], model: Tracker, seed: int) -> dict[str, Any]:
    """Return the truth of a pair and what the product suggests, as plain JSON values.

    Args:
        made: the pair.
        fates: its truth.
        model: the published weights.
        seed: of the clicks.
    """
    started = time.perf_counter()
    rng = np.random.default_rng(seed)
    place = made.scenario.exact.followup_from_baseline
    earlier = _clicks(made.baseline, fates, lambda points: points, rng, later=False)
    later = _clicks(made.followup, fates, place, rng, later=True)
    with tempfile.TemporaryDirectory() as folder:
        marks = MarkStore(Path(folder))
        marks.mark(BASELINE, [one.lesion for one in earlier])
        marks.mark(FOLLOWUP, [one.lesion for one in later])
        forward = Pair(made.baseline, made.followup, BASELINE, FOLLOWUP)
        backward = Pair(made.followup, made.baseline, FOLLOWUP, BASELINE)
        tracks: list[Track] = []
        for pair in (forward, backward):
            found = session(partial(_opened, pair, marks), published=lambda: (model, "")).tracks
            marks.add_tracks(pair.followup_id, found)
            tracks += found
        studies = [Study(BASELINE, Path(), "p", "20200101"), Study(FOLLOWUP, Path(), "p", "20200701")]
        names = [study.id for study in studies]
        known = KnownPatient(
            "p", studies, {name: marks.records(name) for name in names}, {name: StudyFates() for name in names}
        )
        before, _ = (stored := stored_result(known, {}, {})).studies  # outlines are asked for in the follow-up alone
        after = study_result(known, studies[1], lambda _: made.followup)
        told = suggested(replace(stored, studies=(before, after)))
    return {
        "lesions": [_record(one, made, place) for one in (*earlier, *later)],
        "tracks": [
            {"id": one.lesion_id, "state": one.state, "note": one.note, "confidence": one.confidence} for one in tracks
        ],
        "suggested": [{"what": one.what, "study": one.study_id, "lesions": one.lesions} for one in told],
        "seconds": round(time.perf_counter() - started, 1),
    }


def _opened(pair: Pair, marks: MarkStore) -> tuple[Pair, list[Lesion]]:
    return pair, marks.lesions(pair.baseline_id)


def _clicks(volume: Volume, fates: list[Fate], place: Any, rng: np.random.Generator, *, later: bool) -> list[Click]:
    """Return what a reader marks in a scan: a click beside the middle of each lesion, whose radius is measured."""
    clicks = []
    for one in fates:
        if (one.kind in MARKED_LATER) != later:
            continue
        for n, body in enumerate(one.after if later else one.before):
            direction = rng.normal(size=3)
            away = JITTER * body.radius_mm * rng.random() ** (1 / 3) * direction / np.linalg.norm(direction)
            point = place(body.center_mm[None])[0] + away
            x, y, z = (float(value) for value in point)
            name = one.id + "ab"[n] * (len(one.before) > 1)
            lesion = Lesion(name, (x, y, z), radius_at(volume, point), radius_source="measured")
            clicks.append(Click(lesion, body, one))
    return clicks


def _record(click: Click, made: HardPair, place: Any) -> dict[str, Any]:
    """Return a lesion's kind and whether it can be seen where it is: in both scans, or in the one that has it."""
    bodies = [(made.baseline, body.center_mm, body, 0) for body in click.truth.before]
    bodies += [(made.followup, place(body.center_mm[None])[0], body, 1) for body in click.truth.after]
    seen = [(_contrast_hu(scan, at, body), made.scenario.scanner.noise_hu[n]) for scan, at, body, n in bodies]
    return {
        "id": click.lesion.id,
        "kind": click.truth.kind,
        "group": click.truth.id,
        "radius_mm": round(click.body.radius_mm, 2),
        "contrast_hu": [round(contrast, 1) for contrast, _ in seen],
        "visible": all(contrast >= max(VISIBLE_HU, VISIBLE_NOISE * noise) for contrast, noise in seen),
    }


def _contrast_hu(scan: Volume, at_mm: PointMm, body: Body) -> float:
    """Return the contrast of a body: the median HU within it against that of its rim."""
    inside, rim = (np.median(hu_at(scan, at_mm + part)) for part in core_points(body.radius_mm))
    return abs(float(inside - rim))
