"""Everything that is said about a set of answers: scores, intervals, strata, looser scores, robustness."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from lesion_tracker.scoring.answers import Answer, differences_of, distances_of, patients_of, radii_of
from lesion_tracker.scoring.bootstrap import ratio_intervals
from lesion_tracker.scoring.cpm import Scores, hits_at_10mm, hits_at_radius, score
from lesion_tracker.scoring.looser import LOOSER_NAMES
from lesion_tracker.scoring.strata import strata_of

SHOWN = ("cpm_at_10mm", "cpm_at_radius", "within_10mm", "med_mm", "med_x_mm", "med_y_mm", "med_z_mm")
"""Means over lesions, so that they have intervals."""


def scores_of(answers: Sequence[Answer]) -> Scores:
    """Return the benchmark's scores of answers.

    Raises:
        ValueError: without answers.
    """
    return score(differences_of(answers), radii_of(answers))


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return what is said about answers beside their scores, as plain JSON values.

    Args:
        answers: at least one.

    Returns:
        patients (how many are known), intervals (95 %, by score), signed_median_mm (x, y, z), strata (of those answered),
        other_scores and other_scores_n (of the answers whose target has a box), robustness (where clicks were shifted).
    """
    given = [answer for answer in answers if not answer.missed]
    found: dict[str, Any] = {
        "patients": len(set(patients_of(answers)) - {""}),
        "intervals": intervals_of(answers),
        "signed_median_mm": [float(v) for v in np.median(differences_of(given), axis=0)],
        "strata": {
            stratum.key: {
                "title": stratum.title,
                "groups": {g.name: _group([given[n] for n in g.members]) for g in stratum.groups},
            }
            for stratum in strata_of(given)
        },
    }
    hits = [asdict(answer.looser) for answer in answers if answer.looser is not None]
    if hits:
        found["other_scores"] = {name: float(np.mean([hit[name] for hit in hits])) for name in LOOSER_NAMES}
        found["other_scores_n"] = len(hits)
    if any(answer.shift for answer in answers):
        found["robustness"] = _robustness(answers)
    return found


def intervals_of(answers: Sequence[Answer]) -> dict[str, list[float] | None]:
    """Return the 95 % interval of each score that is a mean, or None with too few patients."""
    distance, radius, absolute = distances_of(answers), radii_of(answers), np.abs(differences_of(answers))
    columns = [
        hits_at_10mm(distance, radius),
        hits_at_radius(distance, radius),
        distance <= 10.0,
        distance,
        *absolute.T,
    ]
    values = np.stack([c.astype(np.float64) for c in columns], axis=1)
    counted = np.isfinite(values).astype(np.float64)  # a mean distance is of those that were answered
    intervals = ratio_intervals(np.where(counted > 0, values, 0.0), counted, patients_of(answers))
    return {name: list(ends) if ends else None for name, ends in zip(SHOWN, intervals, strict=True)}


def _group(answers: list[Answer]) -> dict[str, Any]:
    return {
        **scores_of(answers).to_json(),
        "patients": len(set(patients_of(answers)) - {""}),
        "intervals": intervals_of(answers),
    }


def _robustness(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return Table 2's numbers: all clicks, the original ones alone, and how much is lost."""
    original = [answer for answer in answers if not answer.shift]
    every = scores_of(answers)
    found: dict[str, Any] = {"shifts": len({answer.shift for answer in answers} - {0}), "all": every.to_json()}
    if original:
        alone = scores_of(original)
        found["original"] = alone.to_json()
        found["change"] = {
            name: getattr(every, name) - getattr(alone, name) for name in ("cpm_at_10mm", "cpm_at_radius", "med_mm")
        }
    return found
