"""One lesion, looked for: the network's answer, the candidates, and what speaks for each."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from lesion_tracker.network.tracker import Tracker
from lesion_tracker.tracking.candidates import Candidate, propose
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.case_search import search
from lesion_tracker.tracking.evidence import Evidence, gather
from lesion_tracker.tracking.fusion import Place
from lesion_tracker.tracking.judgement import numbers
from lesion_tracker.tracking.patch import after, before
from lesion_tracker.tracking.remains import Remains, remains
from lesion_tracker.tracking.search import NetworkAnswer


@dataclass(frozen=True, eq=False)
class Looked:
    """What was seen of one lesion.

    Args:
        case: the lesion.
        seen: the network's answer.
        candidates: the point of registration first.
        evidence: about each.
        seconds: that it took.
    """

    case: Case
    seen: NetworkAnswer
    candidates: Sequence[Candidate]
    evidence: Sequence[Evidence]
    seconds: float = 0.0

    def left_at(self, number: int) -> Remains:
        """Return what is left of the lesion at a candidate."""
        return remains(before(self.case), after(self.case, self.candidates[number].center_mm))

    def numbers(self, place: Place) -> dict[str, float]:
        """Return what a place is judged from."""
        number = place.number
        left = self.left_at(number)
        return numbers(self.evidence[number], place.share, left, self.seen.logit, self.seen.presence)


def look(model: Tracker, case: Case) -> Looked:
    """Look for a lesion."""
    started = time.perf_counter()
    seen = search(model, case)
    candidates = propose(case, seen)
    evidence = gather(case, candidates, seen)
    return Looked(case, seen, candidates, evidence, time.perf_counter() - started)
