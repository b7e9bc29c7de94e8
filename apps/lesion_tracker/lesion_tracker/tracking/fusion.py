"""Candidates to one answer: registration's point where it is the place that is chosen, else the likeliest candidate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.tracking.candidates import Candidate
from lesion_tracker.tracking.confidence import Calibration, confidence_features, doubted
from lesion_tracker.tracking.evidence import Evidence

DISAGREE_MM = 15.0
"""An answer this far from the point of registration says that it is."""

FAR_MM = 10.0
"""An answer so far from a lesion's centre is wrong, however large the lesion is."""

RIVAL_SHARE = 0.25
"""A candidate of this share, elsewhere, is named beside the answer."""

CONVINCES = 0.5
"""On a doubtful registration a place elsewhere needs this confidence: what speaks for it was measured on images that do not
agree."""


@dataclass(frozen=True)
class Fused:
    """One answer from several candidates.

    Args:
        center_mm: LPS of the follow-up.
        confidence: probability that it is right.
        chosen: the sources of the chosen candidate.
        note: a sentence for the reader where candidates disagree, or "".
        place: which candidate it is; of the network alone, the one that its point belongs to.
        fits_elsewhere: whether all evidence speaks for another place than that of the network alone.
    """

    center_mm: PointMm
    confidence: float
    chosen: str
    note: str
    place: "Place"
    fits_elsewhere: bool = False

    def with_note(self, note: str) -> "Fused":
        """Return the answer with one more sentence."""
        return replace(self, note="; ".join(filter(None, (self.note, note))))


@dataclass(frozen=True)
class Place:
    """The place that was chosen.

    Args:
        number: of the candidate that answers for it.
        share: probability of the choice.
        members: numbers of all candidates that mean it.
    """

    number: int
    share: float
    members: tuple[int, ...]


def choose(
    candidates: Sequence[Candidate],
    evidence: Sequence[Evidence],
    calibration: Calibration,
    shares: np.ndarray | None = None,
) -> Place:
    """Choose a place among the candidates of one lesion.

    Candidates within `agree_mm` of each other are one place; the place with the highest share is chosen. If the point of
    registration is in it, that point answers: it uses every voxel round it and is the most exact.

    Args:
        candidates: the point of registration first.
        evidence: about each.
        calibration: of the weights.
        shares: probability of each where the other lesions count, too; None: by its own evidence.
    """
    shares = calibration.shares(evidence) if shares is None else shares
    return places_of(candidates, shares, calibration)[0]


def places_of(candidates: Sequence[Candidate], shares: np.ndarray, calibration: Calibration) -> list[Place]:
    """Return the candidates as places that share none, the likeliest first; which candidate stands for each as in `choose`."""
    left = np.ones(len(candidates), dtype=bool)
    near = _same(candidates, calibration)
    found = []
    while left.any():
        of_place = np.where(left, (near & left) @ shares, -1.0)
        best = int(np.argmax(of_place + 1e-6 * shares))
        members = np.flatnonzero(near[best] & left)
        number = 0 if 0 in members else int(members[np.argmax(shares[members])])
        found.append(Place(number, float(min(of_place[best], 1.0)), tuple(int(m) for m in members)))
        left[members] = False
    return found


def fuse(
    candidates: Sequence[Candidate],
    evidence: Sequence[Evidence],
    calibration: Calibration,
    shares: np.ndarray | None = None,
    *,
    doubtful: bool = False,
) -> Fused:
    """Answer with the chosen place, its confidence, and what a reader should know about the others; as `choose`.

    Where registration is `doubtful`, its point stays unless another place convinces.
    """
    shares = calibration.shares(evidence) if shares is None else shares
    places = places_of(candidates, shares, calibration)
    place = places[0]
    confidence = _confidence(evidence, place, calibration)
    if doubtful and confidence < CONVINCES:
        place = next(one for one in places if 0 in one.members)
        confidence = _confidence(evidence, place, calibration)
    sources = [source for member in place.members for source in candidates[member].sources]
    notes = _notes(candidates, shares, _same(candidates, calibration), place.number)
    return Fused(
        np.asarray(candidates[place.number].center_mm),
        confidence,
        " and ".join(dict.fromkeys(sources)),
        "; ".join(notes),
        place,
    )


def _confidence(evidence: Sequence[Evidence], place: Place, calibration: Calibration) -> float:
    return calibration.confidence.probability(confidence_features(evidence[place.number], place.share))


def _same(candidates: Sequence[Candidate], calibration: Calibration) -> np.ndarray:
    centers = np.array([one.center_mm for one in candidates])
    near: np.ndarray = np.linalg.norm(centers[:, None] - centers[None], axis=2) <= calibration.agree_mm
    return near


def _notes(candidates: Sequence[Candidate], shares: np.ndarray, same: np.ndarray, number: int) -> list[str]:
    chosen, of_place = candidates[number], same @ shares
    notes = []
    apart = float(np.linalg.norm(chosen.center_mm - candidates[0].center_mm))
    if apart >= DISAGREE_MM:
        notes.append(f"this is {apart:.0f} mm from where registration expected it")
    others = [n for n in range(len(candidates)) if not same[number, n] and of_place[n] >= RIVAL_SHARE]
    if others:
        rival = candidates[max(others, key=lambda n: float(of_place[n]))]
        x, y, z = rival.center_mm
        away = float(np.linalg.norm(rival.center_mm - chosen.center_mm))
        notes.append(f"({x:.0f}, {y:.0f}, {z:.0f}) LPS mm, {away:.0f} mm away, looks alike")
    return notes


def network_alone(
    network_mm: PointMm, candidates: Sequence[Candidate], evidence: Sequence[Evidence], calibration: Calibration
) -> Fused:
    """Return the network's point whatever the others say, the paper's tracker, with the confidence of its place.

    Where all evidence speaks for a place that lies outside of a lesion at the network's point, the confidence is a doubted
    one: at most one of both is right.
    """
    shares = calibration.shares(evidence)
    number = next(n for n, one in enumerate(candidates) if "network" in one.sources)
    place = Place(number, float(shares[number]), (number,))
    confidence = _confidence(evidence, place, calibration)
    chosen = candidates[choose(candidates, evidence, calibration).number]
    apart = float(np.linalg.norm(chosen.center_mm - network_mm))
    if apart <= min(evidence[number].radius_mm, FAR_MM):
        return Fused(np.asarray(network_mm), confidence, "network alone", "", place)
    x, y, z = chosen.center_mm
    note = f"({x:.0f}, {y:.0f}, {z:.0f}) LPS mm, {apart:.0f} mm away, fits better"
    confidence = doubted(confidence, calibration.found_from)
    return Fused(np.asarray(network_mm), confidence, "network alone", note, place, fits_elsewhere=True)
