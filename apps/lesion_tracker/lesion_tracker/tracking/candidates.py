"""Where a lesion may be: the point of registration, the network's peaks, and the places where its surroundings fit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.tracking.alignment import Surroundings
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.local_affine import LocalPatch
from lesion_tracker.tracking.search import SEARCH_MM, NetworkAnswer
from lesion_tracker.volumes.volume import Volume

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

THREADS = 2
"""The places are looked at side by side; interpolation and Fourier transforms let other threads run."""

PRIOR_MM = 3.0
"""The point of registration stays where it is; how well its surroundings fit is looked at this far round it."""


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


def propose(case: Case, answer: NetworkAnswer | None) -> list[Candidate]:
    """Return the candidates for one lesion; the first is the point of registration, and stays exactly there.

    Args:
        case: the lesion.
        answer: of the network, or None without one.
    """
    looking = _Looking(case.pair.followup, Surroundings(case, FINE_MM), LocalPatch(case), case.linear)
    coarse = Surroundings(case, COARSE_MM)
    peaks = [] if answer is None or answer.scores is None else answer.scores.peaks(NETWORK_PEAKS, APART_MM)
    with ThreadPoolExecutor(THREADS) as pool:
        reach_mm = SEARCH_MM if answer is None else answer.reach_mm
        places = pool.submit(coarse.look, case.pair.followup, case.expected_mm, reach_mm)
        likeness = pool.submit(looking.similarity, case.expected_mm, local_linear(case.registration, case.center_mm))
        seen = [pool.submit(looking.candidate, peak.center_mm, REFINE_MM, "network") for peak in peaks]
        fitting = [
            pool.submit(looking.candidate, rough.center_mm, COARSE_MM * 1.5, "alignment")
            for rough in places.result().peaks(ALIGNED_PLACES, APART_MM)
        ]
    found = [Candidate(case.expected_mm, ("registration",), likeness.result())]
    for one in (*seen, *fitting):
        _add(found, one.result())
    return found


@dataclass(frozen=True, eq=False)
class _Looking:
    """One lesion's surroundings, and where they are looked for."""

    followup: Volume
    fine: Surroundings
    patch: LocalPatch
    linear: np.ndarray

    def similarity(self, place_mm: PointMm, linear: np.ndarray) -> float:
        """Return how alike the surroundings are at a place that may move by 3 mm, from the better of two starts."""
        return max(
            self.patch.fit(self.followup, place_mm, start, PRIOR_MM).similarity for start in (linear, self.linear)
        )

    def candidate(self, place_mm: PointMm, reach_mm: float, source: str) -> Candidate:
        """Shift a place to where the surroundings fit best, then fit them; where nothing is alike it stays."""
        match = self.fine.look(self.followup, place_mm, reach_mm).best(within_mm=reach_mm)
        fit = self.patch.fit(self.followup, match.center_mm, self.linear, FIT_MM)
        return Candidate(fit.center_mm if fit.similarity >= ALIKE else place_mm, (source,), fit.similarity)


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
