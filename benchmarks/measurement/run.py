"""Measures the cases click by click; each click is one plain record."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.measurement.cases import Case
from lesion_tracker.measurement.cover import cover_of
from lesion_tracker.measurement.measure import measure
from lesion_tracker.measurement.prior import Prior, prior_of_outline
from lesion_tracker.records.measurement import Measurement

CLICKS = 6


def measured(case: Case, seed: int, prior: Prior | None = None, count: int = CLICKS) -> Iterator[dict[str, Any]]:
    """Measure a lesion from several clicks.

    Args:
        case: the lesion.
        seed: of the clicks.
        prior: of its form.
        count: of clicks.
    """
    for number, click in enumerate(case.clicks(count, np.random.default_rng([seed, sum(case.name.encode())]))):
        started = time.process_time()
        found = measure(case.volume, click, prior=prior)
        yield _record(case, number, found, time.process_time() - started)


def grown(before: Case, after: Case, seed: int) -> dict[str, Any]:
    """Measure a lesion in both scans by one click each; the later one with and without the earlier outline."""
    first_click = before.clicks(1, np.random.default_rng([seed, 1, sum(before.name.encode())]))[0]
    click = after.clicks(1, np.random.default_rng([seed, 2, sum(before.name.encode())]))[0]
    first = measure(before.volume, first_click)
    shift = np.asarray(after.center_mm - before.center_mm)
    prior = prior_of_outline(first, lambda points: points + shift)
    alone, helped = measure(after.volume, click), measure(after.volume, click, prior=prior)
    true = after.axes.long_axis_mm - before.axes.long_axis_mm
    return {
        "name": before.name,
        "kind": before.kind,
        "true_change_mm": true,
        "alone_error_mm": alone.long_axis_mm - first.long_axis_mm - true,
        "helped_error_mm": helped.long_axis_mm - first.long_axis_mm - true,
        "alone_off": abs(alone.long_axis_mm / after.axes.long_axis_mm - 1),
        "helped_off": abs(helped.long_axis_mm / after.axes.long_axis_mm - 1),
        "checked": bool(first.check or helped.check),
    }


def _record(case: Case, number: int, found: Measurement, seconds: float) -> dict[str, Any]:
    true = case.axes
    return {
        "name": case.name,
        "kind": case.kind,
        "click": number,
        "true_mm": [true.long_axis_mm, true.short_axis_mm],
        "found_mm": [found.long_axis_mm, found.short_axis_mm],
        "dice": dice(case, found),
        "true_ml": float((case.truth.hu >= 0.5).sum() * np.prod(case.truth.grid.spacing_mm)) / 1000,
        "found_ml": found.volume_ml,
        "check": found.check,
        "seconds": seconds,
    }


def dice(case: Case, found: Measurement) -> float:
    """Return the Dice coefficient of a measurement's voxels and the true ones."""
    inside = cover_of(found, case.truth.grid)
    true = case.truth.hu >= 0.5
    return float(2 * (inside & true).sum() / (inside.sum() + true.sum()))
