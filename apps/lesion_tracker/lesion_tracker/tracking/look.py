"""Lesions, looked for: of each the network's answer, the candidates, and what speaks for them."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.tracking.candidates import Candidate, propose
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.case_search import search
from lesion_tracker.tracking.evidence import Evidence, gather
from lesion_tracker.tracking.fusion import Place
from lesion_tracker.tracking.judgement import numbers
from lesion_tracker.tracking.patch import Patch, after, before
from lesion_tracker.tracking.remains import Remains, remains
from lesion_tracker.tracking.search import NetworkAnswer

THREADS = 2
"""So many lesions are looked at side by side, once the network has answered."""


@dataclass(frozen=True, eq=False)
class Looked:
    """What was seen of one lesion.

    Args:
        lesion_id: of the lesion.
        baseline_mm: where it is marked, LPS of the baseline.
        candidates: the point of registration first.
        evidence: about each.
        network_mm: the network's highest peak, LPS of the follow-up.
        peak: its logit.
        head: logit of "it is there"; None of weights without that head.
        before: the lesion in the baseline.
        after: gives the place of a candidate, by its number.
        doubtful: whether its registration is.
        seconds: that it took.
    """

    lesion_id: str
    baseline_mm: PointMm
    candidates: Sequence[Candidate]
    evidence: Sequence[Evidence]
    network_mm: PointMm
    peak: float
    head: float | None
    before: Patch
    after: Callable[[int], Patch]
    doubtful: bool = False
    seconds: float = 0.0
    _left: dict[int, Remains] = field(default_factory=dict, init=False, repr=False)

    def left(self, number: int) -> Remains:
        """Return what is left of the lesion at the place of a candidate; computed once."""
        if number not in self._left:
            self._left[number] = remains(self.before, self.after(number))
        return self._left[number]

    def numbers(self, place: Place) -> dict[str, float]:
        """Return what a place is judged from."""
        number = place.number
        return numbers(self.evidence[number], place.share, self.left(number), self.peak, self.head)


def look(model: Tracker, cases: Sequence[Case], going_on: Callable[[], None] = lambda: None) -> list[Looked]:
    """Look for lesions: what is seen of each is what is seen of it alone.

    Args:
        model: the network.
        cases: the lesions.
        going_on: called before each few of them; what it raises ends the search.
    """
    started = time.perf_counter()
    seen = search(model, cases, going_on)
    each_s = (time.perf_counter() - started) / max(len(cases), 1)
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(_looked, case, one, model.device, each_s) for case, one in zip(cases, seen, strict=True)]
        try:
            return [_going(one, going_on) for one in asked]
        finally:
            pool.shutdown(cancel_futures=True)


def _going(asked: "Future[Looked]", going_on: Callable[[], None]) -> Looked:
    going_on()
    return asked.result()


def _looked(case: Case, seen: NetworkAnswer, device: torch.device, seconds: float) -> Looked:
    started = time.perf_counter()
    candidates = propose(case, seen, device)
    evidence = gather(case, candidates, seen)
    return Looked(
        case.lesion.id,
        case.center_mm,
        candidates,
        evidence,
        seen.center_mm,
        seen.logit,
        seen.presence,
        before(case),
        lambda number: after(case, candidates[number].center_mm),
        bool(case.registration.doubts),
        seconds + time.perf_counter() - started,
    )
