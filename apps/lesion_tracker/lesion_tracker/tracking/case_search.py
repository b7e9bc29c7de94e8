"""The network's search for cases: apart from `search`, which training runs where no registration can be computed."""

from collections.abc import Callable, Sequence

import torch

from lesion_tracker.network.inputs import hu_source
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.search import NetworkAnswer, Sought, search_together
from lesion_tracker.tracking.similarity import similarity_at

SURE = 0.7
"""Correlation of the surroundings, as registration bends them, from which on registration counts as sure."""


def search(tracker: Tracker, cases: Sequence[Case], going_on: Callable[[], None] = lambda: None) -> list[NetworkAnswer]:
    """Look for lesions, each round the place where registration expects it, as `search_together`."""
    return search_together(tracker, [_sought(case, tracker.device) for case in cases], going_on)


def _sought(case: Case, device: torch.device) -> Sought:
    bent = case.registration.displacement is not None and not case.registration.doubts
    return Sought(
        hu_source(case.pair.baseline, device),
        (case.center_mm, case.radius_mm),
        hu_source(case.pair.followup, device),
        (case.expected_mm, case.expected_radius_mm),
        sure=bent and similarity_at(case, case.expected_mm)[0] >= SURE,
    )
