"""Where a lesion may be: the point of registration, the network's peaks, and the places where its surroundings fit."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.tracking.alignment import Surroundings
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.local_affine import LocalPatch
from lesion_tracker.tracking.search import SEARCH_MM, NetworkAnswer
from lesion_tracker.volumes.lattices import CPU

NETWORK_PEAKS = 3
ALIGNED_PLACES = 2
APART_MM = 10.0
"""Peaks of one map nearer to each other are one place."""

SAME_MM = 3.0
"""Candidates of different sources nearer to each other are one."""

COARSE_MM = 2.5
"""Step of the lattice on which the surroundings are looked for as far as the network looks."""

FINE_MM = 1.5
REFINE_MM = 6.0
"""A candidate is moved to where the surroundings fit best, at most so far."""

FIT_MM = 4.0
"""And by the affine fit after that, at most so far."""

ALIKE = 0.5
"""Correlation of the surroundings from which on a candidate is moved to where they fit best."""

PRIOR_MM = 3.0
"""The point of registration stays where it is; how well its surroundings fit is looked at this far round it, from two maps."""


@dataclass(frozen=True)
class Candidate:
    """One place.

    Args:
        center_mm: LPS of the follow-up.
        sources: "registration", "network", "alignment"; several where they agree.
        similarity: correlation of the lesion's surroundings with those of the place, after a small affine fit.
    """

    center_mm: PointMm
    sources: tuple[str, ...]
    similarity: float


def propose(case: Case, answer: NetworkAnswer | None, device: torch.device = CPU) -> list[Candidate]:
    """Return the candidates for one lesion; the first is the point of registration, and stays exactly there.

    The others are shifted to where the surroundings fit best, then fitted; where nothing is alike a place stays.

    Args:
        case: the lesion.
        answer: of the network, or None without one.
        device: where surroundings are compared.
    """
    followup, reach_mm = case.pair.followup, SEARCH_MM if answer is None else answer.reach_mm
    rough = Surroundings(case, COARSE_MM, device).look(followup, case.expected_mm, reach_mm)
    peaks = [] if answer is None or answer.scores is None else answer.scores.peaks(NETWORK_PEAKS, APART_MM)
    places = [(peak.center_mm, REFINE_MM, "network") for peak in peaks]
    places += [(match.center_mm, COARSE_MM * 1.5, "alignment") for match in rough.peaks(ALIGNED_PLACES, APART_MM)]
    around = np.array([place for place, _, _ in places])
    seen = Surroundings(case, FINE_MM, device).looks(followup, around, REFINE_MM)
    matches = [one.best(within_mm=reach).center_mm for one, (_, reach, _) in zip(seen, places, strict=True)]
    linear = [local_linear(case.registration, case.center_mm), *[case.linear] * (1 + len(places))]
    prior, other, *fits = LocalPatch(case, device).fits(
        followup,
        np.array([case.expected_mm, case.expected_mm, *matches]),
        np.array(linear),
        [PRIOR_MM, PRIOR_MM, *[FIT_MM] * len(places)],
    )
    found = [Candidate(case.expected_mm, ("registration",), max(prior.similarity, other.similarity))]
    for fit, (place, _, source) in zip(fits, places, strict=True):
        _add(found, Candidate(fit.center_mm if fit.similarity >= ALIKE else place, (source,), fit.similarity))
    return found


def local_linear(registration: FollowupFromBaseline, center_mm: PointMm, reach_mm: float = 2.0) -> np.ndarray:
    """Return the 3 x 3 map of directions round a point, from differences over `reach_mm` to either side."""
    ends = np.concatenate([np.eye(3), -np.eye(3)]) * reach_mm
    mapped = registration(np.asarray(center_mm) + ends)
    return np.asarray((mapped[:3] - mapped[3:]).T / (2 * reach_mm))


def _add(found: list[Candidate], new: Candidate) -> None:
    """Add a candidate, or its source to one of another source that means the same place; never to registration's."""
    for number, old in enumerate(found[1:], start=1):
        if np.linalg.norm(old.center_mm - new.center_mm) < SAME_MM:
            if new.sources[0] not in old.sources:
                found[number] = replace(old, sources=(*old.sources, *new.sources))
            return
    found.append(new)
