"""Validation on constructed pairs of held-out studies, through the product's own search and score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lesion_tracker.network.tracker import Tracker
from lesion_tracker.scoring.cpm import Scores, score
from lesion_tracker.tracking.search import search_sources
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.prepared.prepared_study import PreparedStudy

SEED = 2021
"""Validation pairs are the same in every run, whatever its own seed: runs can be compared."""

HARD_MM = 15.0
"""A pair is hard where the lesion's region moved by this much against its surroundings."""


@dataclass(frozen=True)
class Validation:
    """What a network is worth on the validation pairs.

    Args:
        all: lesions.
        hard: those that moved by at least 15 mm against their surroundings, or None where there are none.
        expected: what following the expected point would score on all.
    """

    all: Scores
    hard: Scores | None
    expected: Scores

    def sentence(self) -> str:
        """Return the numbers as one line of a log."""
        hard = f"; hard {self.hard.n}: {100 * self.hard.cpm_at_10mm:.1f} %" if self.hard else ""
        return (
            f"{self.all.n} lesions: CPM@10mm {100 * self.all.cpm_at_10mm:.1f} %, MED {self.all.med_mm:.2f} mm, median "
            f"{self.all.median_mm:.2f} mm{hard}; expected points alone {100 * self.expected.cpm_at_10mm:.1f} %, "
            f"{self.expected.med_mm:.2f} mm"
        )


def validate(
    tracker: Tracker,
    studies: Sequence[PreparedStudy],
    errors: RegistrationErrors,
    settings: ScenarioSettings,
    pairs: int,
) -> Validation:
    """Track the first lesion of each validation pair as the product would, and score the answers.

    Args:
        tracker: the weights in question.
        studies: never trained on.
        errors: of registration; they place the expected points.
        settings: of the scenarios.
        pairs: how many; no lesion vanishes in them.
    """
    there = settings.all_there
    differences, missed, radii, moved = [], [], [], []
    for number in range(pairs):
        pair = draw_constructed_pair(studies, errors, there, np.random.default_rng([SEED, number]))
        lesion = pair.lesions[0]
        if lesion.followup_mm is None:  # a share of 0 draws none
            continue
        answer = search_sources(
            tracker,
            pair.baseline.source(),
            (lesion.clicked_mm, lesion.radius_mm),
            pair.followup.source(),
            (lesion.expected_mm, lesion.followup_radius_mm),
        )
        differences.append(answer.center_mm - lesion.followup_mm)
        missed.append(lesion.expected_mm - lesion.followup_mm)
        radii.append(lesion.followup_radius_mm)
        moved.append(lesion.moved_mm)
    error, radius, hard = np.array(differences), np.array(radii), np.array(moved) >= HARD_MM
    return Validation(
        all=score(error, radius),
        hard=score(error[hard], radius[hard]) if hard.any() else None,
        expected=score(np.array(missed), radius),
    )
