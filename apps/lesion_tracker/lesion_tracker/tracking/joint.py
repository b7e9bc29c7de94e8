"""One choice for all lesions of a patient: neighbours move alike, no place is claimed twice, each may be absent.

A lesion's labels are its candidates and, last, "absent". A choice has the sum of each label's log-probability by the lesion's
own evidence, less what each pair of labels says against each other; the highest sum is chosen. One lesion alone is chosen
by its own evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointMm, PointsMm

CLAIMED_MM = 5.0
"""Labels of two lesions nearer than this, and than half of what the lesions are apart, claim one place."""

CLAIMED = 8.0
"""What speaks against a place that is claimed twice; log-probability."""

EXACT = 4096
"""So many combinations of a group's labels are all tried; larger groups are improved by three lesions at a time."""

MANY = 24
"""And groups of more lesions than this one by one."""

SWEEPS = 20
LEAST = 1e-9


@dataclass(frozen=True)
class Neighbours:
    """How much neighbours count.

    Args:
        weight: what speaks against two lesions at one place that move apart by `apart_mm` or more; log-probability.
        reach_mm: by this distance of the lesions it has fallen to a third; it ends at three times as much.
        apart_mm: from this difference of motions on two lesions contradict each other no more.
    """

    weight: float
    reach_mm: float
    apart_mm: float


@dataclass(frozen=True, eq=False)
class Labels:
    """What one lesion can be.

    Args:
        baseline_mm: its centre, LPS of the baseline.
        expected_mm: where registration expects it, LPS of the follow-up.
        places_mm: its candidates (n, 3), LPS of the follow-up.
        shares: probability of each by the lesion's own evidence, if it is there; (n,).
        presence: probability that it is there.
    """

    baseline_mm: PointMm
    expected_mm: PointMm
    places_mm: PointsMm
    shares: np.ndarray
    presence: float


@dataclass(frozen=True, eq=False)
class Chosen:
    """What one lesion is, given the others.

    Args:
        label: number of the candidate; the number of candidates for "absent".
        shares: probability of each candidate, if it is there, given what the others are.
        presence: probability that it is there, given what the others are.
        claimed_by: number of the lesion that has the place this one would have had alone, or None.
    """

    label: int
    shares: np.ndarray
    presence: float
    claimed_by: int | None = None


def choose_jointly(lesions: Sequence[Labels], neighbours: Neighbours) -> list[Chosen]:
    """Choose a label for each lesion of a patient, all together.

    Args:
        lesions: all that were marked in the baseline and are looked for.
        neighbours: how much they count.
    """
    if not lesions:
        return []
    own = _own(lesions)
    against, claims = _against(lesions, own.shape[1], neighbours)
    labels = own.argmax(axis=1)
    for group in _groups(against):
        labels[group] = _best(own[group], against[np.ix_(group, group)])
    found = []
    for number, lesion in enumerate(lesions):
        sums = own[number] - against[number][np.arange(len(lesions)), :, labels].sum(axis=0)
        shares = np.exp(sums - sums.max())
        shares /= shares.sum()
        places, presence = shares[1:], float(1 - shares[0])
        alone = int(own[number, 1:].argmax()) + 1
        claiming = np.flatnonzero(claims[number][np.arange(len(lesions)), alone, labels])
        count = len(lesion.shares)
        found.append(
            Chosen(
                label=int(labels[number]) - 1 if labels[number] else count,
                shares=places[:count] / max(float(places[:count].sum()), LEAST),
                presence=presence,
                claimed_by=int(claiming[0]) if len(claiming) and labels[number] != alone else None,
            )
        )
    return found


def _own(lesions: Sequence[Labels]) -> np.ndarray:
    """Return log-probabilities by each lesion's own evidence, (lesions, 1 + most candidates): "absent" first."""
    own = np.full((len(lesions), 1 + max(len(one.shares) for one in lesions)), -np.inf)
    for row, one in zip(own, lesions, strict=True):
        row[0] = np.log(max(1 - one.presence, LEAST))
        row[1 : 1 + len(one.shares)] = np.log(np.maximum(one.shares * one.presence, LEAST))
    return own


def _against(lesions: Sequence[Labels], width: int, neighbours: Neighbours) -> tuple[np.ndarray, np.ndarray]:
    """Return what each pair of labels says against each other, and whether they claim one place; (n, n, labels, labels)."""
    count = len(lesions)
    places = np.full((count, width, 3), np.nan)
    for row, one in zip(places, lesions, strict=True):
        row[1 : 1 + len(one.shares)] = one.places_mm
    moved = places - np.array([one.expected_mm for one in lesions])[:, None]
    baseline = np.array([one.baseline_mm for one in lesions])
    apart = np.linalg.norm(baseline[:, None] - baseline, axis=2)
    near = np.where(apart <= 3 * neighbours.reach_mm, neighbours.weight * np.exp(-apart / neighbours.reach_mm), 0.0)
    np.fill_diagonal(near, 0.0)
    contradiction = np.minimum(_distances(moved) / neighbours.apart_mm, 1.0)
    closest = np.minimum(CLAIMED_MM, apart / 2)
    np.fill_diagonal(closest, 0.0)
    with np.errstate(invalid="ignore"):
        claims = _distances(places) < closest[:, :, None, None]
    against = near[:, :, None, None] * np.nan_to_num(contradiction) + CLAIMED * claims
    return against, claims


def _distances(points: np.ndarray) -> np.ndarray:
    """Return distances of (n, k, 3) points, (n, n, k, k); of "absent" and of what pads a row not a number."""
    squared = np.zeros((len(points), len(points), points.shape[1], points.shape[1]), dtype=np.float32)
    points = points.astype(np.float32)
    for axis in range(3):
        squared += (points[:, None, :, None, axis] - points[None, :, None, :, axis]) ** 2
    return np.asarray(np.sqrt(squared))


def _groups(against: np.ndarray) -> list[np.ndarray]:
    """Return the numbers of lesions that say anything about each other, group by group; lesions alone are left out."""
    linked = against.any(axis=(2, 3))
    left = set(np.flatnonzero(linked.any(axis=1)).tolist())
    groups = []
    while left:
        group, edge = set(), {left.pop()}
        while edge:
            group |= edge
            edge = {int(n) for one in edge for n in np.flatnonzero(linked[one])} - group
        left -= group
        groups.append(np.array(sorted(group)))
    return groups


def _best(own: np.ndarray, against: np.ndarray) -> np.ndarray:
    """Return the labels of one group: the best of all combinations, or of a large group the best of several descents.

    One starts from each lesion's own best label, the others from their first, second ... candidates, so that neighbours
    that moved together are also tried together.
    """
    if np.prod(np.isfinite(own).sum(axis=1), dtype=np.float64) <= EXACT:
        return _exact(own, against)
    alone = own.argmax(axis=1)
    many = len(own) > MANY
    starts = [
        alone,
        *(np.where(np.isfinite(column), n, alone) for n, column in enumerate(own.T[: 2 if many else None])),
    ]
    strength = against.max(axis=(2, 3))
    blocks = [np.append(i, np.argsort(-strength[i], kind="stable")[: 0 if many else 2]) for i in range(len(own))]
    found = [_descended(own, against, start, blocks) for start in starts]
    return max(found, key=lambda labels: _sum(own, against, labels))


def _descended(own: np.ndarray, against: np.ndarray, start: np.ndarray, blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Return labels whose sum no change of one block alone improves."""
    labels, numbers = start.copy(), np.arange(len(own))
    for _ in range(SWEEPS):
        before = labels.copy()
        for block in blocks:
            given = own[block] - against[block][:, numbers, :, labels].sum(axis=0)
            given += against[block[:, None], block, :, labels[block]].sum(axis=1)
            labels[block] = given[0].argmax() if len(block) == 1 else _exact(given, against[np.ix_(block, block)])
        if (labels == before).all():
            break
    return labels


def _sum(own: np.ndarray, against: np.ndarray, labels: np.ndarray) -> float:
    numbers = np.arange(len(own))
    pairs = against[numbers[:, None], numbers, labels[:, None], labels]
    return float(own[numbers, labels].sum() - pairs.sum() / 2)


def _exact(own: np.ndarray, against: np.ndarray) -> np.ndarray:
    """Return the best of all combinations of labels."""
    possible = [np.flatnonzero(np.isfinite(row)) for row in own]
    every = np.stack([axis.ravel() for axis in np.meshgrid(*possible, indexing="ij")], axis=1)
    sums = sum(own[i, every[:, i]] for i in range(len(own)))
    for i in range(len(own)):
        for j in range(i):
            sums = sums - against[i, j, every[:, i], every[:, j]]
    return np.asarray(every[np.argmax(sums)])
