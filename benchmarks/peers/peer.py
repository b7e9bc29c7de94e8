"""What a peer is: it takes a pair of studies and the lesions of the baseline, and gives points and seconds."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lesion_tracker.arrays import PointsMm
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.tracking.pair import Pair

PointMap = Callable[[PointsMm], PointsMm]
"""LPS mm of the follow-up from LPS mm of the baseline."""


@dataclass(frozen=True)
class Seconds:
    """What the answers to one pair took; volumes are loaded, and nothing is remembered from before.

    Args:
        first: from the two volumes to the first lesion's point, registration included.
        further: each further lesion; None without any.
    """

    first: float
    further: float | None


FindPoints = Callable[[Pair, Sequence[Lesion]], tuple[PointsMm, Seconds]]
"""Takes at least one lesion; gives a point a lesion in the same order, LPS mm of the follow-up."""


@dataclass(frozen=True)
class Peer:
    """One row of the table.

    Args:
        name: of the row and of its results on disk.
        note: what a reader has to know about it.
        find: finds lesions; None where something is lacking.
        lacking: what is lacking and where it would have to be; "" where nothing is.
        slow: measured on the subset only.
        decided_by: what else than code decides its answers: weights, versions.

    Raises:
        ValueError: for a row that neither finds lesions nor says why.
    """

    name: str
    note: str
    find: FindPoints | None
    lacking: str = ""
    slow: bool = False
    decided_by: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a row without content."""
        if (self.find is None) == (self.lacking == ""):
            raise ValueError(f"peer {self.name!r} must either find lesions or say what is lacking")


def own_code(*names: str) -> str:
    """Return the hash of modules of this folder: what else than the weights decides a peer's answers."""
    digest = hashlib.sha256()
    for name in names:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


def by_map(point_map_of: Callable[[Pair], PointMap]) -> FindPoints:
    """Return a peer's function from one that registers a pair."""

    def find(pair: Pair, lesions: Sequence[Lesion]) -> tuple[PointsMm, Seconds]:
        centers = np.array([lesion.center_mm for lesion in lesions])
        started = time.perf_counter()
        followup_from_baseline = point_map_of(pair)
        points = [followup_from_baseline(centers[:1])]
        first = time.perf_counter() - started
        if len(centers) == 1:
            return points[0], Seconds(first, None)
        started = time.perf_counter()
        points.append(followup_from_baseline(centers[1:]))
        further = (time.perf_counter() - started) / (len(centers) - 1)
        return np.concatenate(points), Seconds(first, further)

    return find
