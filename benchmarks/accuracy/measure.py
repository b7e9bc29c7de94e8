"""One pair through the product: five rows, shifted clicks, seconds."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.built import Loaded
from benchmarks.accuracy.cases import NamedPair, shifted_clicks
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.network.weights import Tracker
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.tracking.session import session

ROWS: tuple[str, ...] = ("affine", "deformable", "dlt", "auto", "refined")
ORDER: tuple[str, ...] = ("dlt", "auto", "refined", "affine", "deformable")
"""The network's rows go first: they meet an empty cache."""

REFINED = "refined"
"""The row of `auto` with the option to refine: the map of the whole pair."""

SHIFTS = 9
CACHE_BYTES = 2 * 10**9


def measure(case: NamedPair, model: Tracker, shift_share: float, seed: int) -> dict[str, Any]:
    """Measure one pair.

    Args:
        case: which one.
        model: the weights.
        shift_share: share of the counted lesions that are clicked nine times more.
        seed: of the choice of these and of their clicks.

    Returns:
        A record of plain JSON values: the truth, the answers of each row, the shifted clicks' answers, seconds.
    """
    started = time.perf_counter()
    loaded = case.load()
    build_s = time.perf_counter() - started
    record: dict[str, Any] = {
        "pair": case.name, "data": case.data, "volume": case.volume, "truth": loaded.truth, "made": loaded.made,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        cache = RegistrationCache(Path(folder), CACHE_BYTES)
        record["rows"], record["seconds"], record["failed"] = _rows(loaded, model, cache)
        if not record["failed"]:
            record["shifts"] = _shifts(case, loaded, model, cache, shift_share, seed)
    record["build_s"] = round(build_s, 2)
    return record


def _rows(
    loaded: Loaded, model: Tracker, cache: RegistrationCache
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Run all rows; where registration fails, all lesions are missed, and the row is named."""
    rows: dict[str, Any] = {}
    seconds: dict[str, Any] = {}
    failed: dict[str, str] = {}
    affine_s = 0.0
    for method in ORDER:
        try:
            tracks, spent = _row(loaded, method, model, cache)
        except RegistrationFailed as error:
            rows[method] = [_no_answer() for _ in loaded.truth]
            failed[method] = str(error)
            continue
        rows[method] = [_answer(found) for found in tracks]
        if method == "dlt":
            affine_s = spent["registration"]
        elif method in ("auto", REFINED):  # which found the affine in the cache
            spent["first"] += affine_s
            spent["registration"] += affine_s
        seconds[method] = spent
    return {method: rows[method] for method in ROWS}, seconds, failed


def _row(loaded: Loaded, method: str, model: Tracker, cache: RegistrationCache) -> tuple[list[Track], dict[str, Any]]:
    """Track the first lesion by itself, so that its time is a user's, then the others."""
    lesions = loaded.lesions()
    started = time.perf_counter()
    tracks = _found(loaded, lesions[:1], method, model, cache)
    first_s = time.perf_counter() - started
    if lesions[1:]:
        tracks += _found(loaded, lesions[1:], method, model, cache)
    further = [found.seconds["network"] for found in tracks[1:]]
    return tracks, {"first": first_s, "registration": tracks[0].seconds["registration"], "further": further}


def _found(
    loaded: Loaded, lesions: Sequence[Lesion], method: str, model: Tracker, cache: RegistrationCache
) -> list[Track]:
    refine = method == REFINED
    options = TrackOptions("auto" if refine else method, measure="no", refine="yes" if refine else "no")
    return session(lambda: (loaded.pair, lesions), options, published=lambda: (model, ""), cache=cache).tracks


def _no_answer() -> dict[str, Any]:
    place = [float("inf")] * 3
    return {"center_mm": place, "expected_mm": place, "confidence": 0.0, "state": "uncertain", "method": "failed"}


def _answer(found: Track) -> dict[str, Any]:
    return {
        "center_mm": [round(v, 3) for v in found.center_mm],
        "expected_mm": [round(v, 3) for v in found.expected_mm],
        "confidence": found.confidence,
        "presence": found.presence,
        "placement": found.placement,
        "radius_90_mm": found.radius_90_mm,
        "state": found.state,
        "method": found.method,
    }


def _shifts(
    case: NamedPair, loaded: Loaded, model: Tracker, cache: RegistrationCache, share: float, seed: int
) -> list[dict[str, Any]]:
    """Click some lesions beside their centres; the registration is that of the rows."""
    rng = np.random.default_rng([seed, *case.name.encode()])
    counted = [one for one in loaded.truth if one["counted"]]
    some = round(share * len(counted)) if case.data == "constructed" else 0
    chosen = rng.permutation(len(counted))[:some] if some else np.zeros(0, dtype=int)
    answers = []
    for number in sorted(int(n) for n in chosen):
        truth = counted[number]
        clicks = shifted_clicks(truth, SHIFTS, rng)
        lesions = [
            Lesion(f"{truth['id']}.{n}", (float(x), float(y), float(z)), truth["radius_mm"])
            for n, (x, y, z) in enumerate(clicks)
        ]
        answers.append({
            "id": truth["id"],
            **{m: [_answer(t)["center_mm"] for t in _found(loaded, lesions, m, model, cache)]
               for m in ("deformable", "auto")},
        })  # fmt: skip
    return answers
