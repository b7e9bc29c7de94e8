"""The size of a lesion where its track ends and in the baseline, the later one measured with the earlier outline's help.

Two bodies where the earlier outline held one are named: the lesion may have split.
"""

import time
from dataclasses import replace

import numpy as np

from lesion_tracker.arrays import PointsMm
from lesion_tracker.measurement.measure import measure
from lesion_tracker.measurement.parts import held, two_parts
from lesion_tracker.measurement.prior import prior_of_outline
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.records.track import Track
from lesion_tracker.tracking.case import Case


def with_size(case: Case, answer: Track) -> Track:
    """Return a track with both axes, volume and density at its point; as it is where it has none.

    The baseline's outline, moved as registration moves it and on to the track's point, is a prior for the follow-up's.

    Args:
        case: the lesion that was tracked.
        answer: its track.
    """
    if not answer.has_point or not case.pair.followup.grid.contains(np.array([answer.center_mm]))[0]:
        return answer
    started = time.perf_counter()
    earlier = measure(case.pair.baseline, case.center_mm, case.radius_mm)
    shift = np.array(answer.center_mm) - case.expected_mm

    def followup_from_baseline(points: PointsMm) -> PointsMm:
        return np.asarray(case.registration(points) + shift)

    now = measure(
        case.pair.followup, np.array(answer.center_mm), prior=prior_of_outline(earlier, followup_from_baseline)
    )
    parts = _parts(case, earlier)
    seconds = time.perf_counter() - started
    reasons = (f"in the earlier study: {earlier.check}" if earlier.check else "", now.check)
    return answer.with_changes(
        long_axis_mm=now.long_axis_mm,
        short_axis_mm=now.short_axis_mm,
        volume_ml=now.volume_ml,
        mean_hu=now.mean_hu,
        earlier_long_axis_mm=earlier.long_axis_mm,
        long_ends_mm=now.long_ends_mm,
        short_ends_mm=now.short_ends_mm,
        check_size="; ".join(filter(None, reasons)),
        parts=parts,
        contrast_lost=answer.contrast_lost and not parts,
        seconds={**answer.seconds, "measurement": seconds, "total": answer.seconds.get("total", 0.0) + seconds},
    )


def _parts(case: Case, earlier: Measurement) -> str:
    """Return sizes and places of the two parts that a lesion fell into, or ""."""
    before = held(case.pair.baseline, earlier)
    points = case.registration(before.points_mm) if len(before.points_mm) else before.points_mm
    parts = two_parts(case.pair.followup, replace(before, points_mm=points))
    if parts is None:
        return ""
    sizes = " and ".join(f"{one.long_axis_mm:.1f} × {one.short_axis_mm:.1f} mm" for one in parts)
    places = " and ".join("({:.0f}, {:.0f}, {:.0f})".format(*one.center_mm) for one in parts)
    return f"{sizes} at {places} LPS mm"
