"""What was seen of the lesions of a call to answers: one choice for all, two probabilities, a state and a distance each."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lesion_tracker.records.state import FOUND, UNCERTAIN
from lesion_tracker.tracking.candidates import Candidate
from lesion_tracker.tracking.confidence import UNCALIBRATED, Calibration, doubted
from lesion_tracker.tracking.fusion import Fused, choose, fuse, network_alone, places_of
from lesion_tracker.tracking.joint import Chosen, Labels, choose_jointly
from lesion_tracker.tracking.judgement import Judgement
from lesion_tracker.tracking.look import Looked
from lesion_tracker.tracking.remains import may_have_gone


@dataclass(frozen=True)
class Judged:
    """One answer.

    Args:
        fused: the point.
        state: found or uncertain.
        presence: probability that the lesion is there; None without a judgement.
        placement: probability that the point is right, if it is there.
        radius_90_mm: within which it lies with 90 %, if it is there; None where that was not measured.
        contrast_lost: whether only the lesion's place is left there.
        seconds: its part of what judging took.
    """

    fused: Fused
    state: str
    presence: float | None = None
    placement: float | None = None
    radius_90_mm: float | None = None
    contrast_lost: bool = False
    seconds: float = 0.0

    @property
    def confidence(self) -> float:
        """Probability that the lesion is there and the point is right."""
        if self.presence is None or self.placement is None:
            return float(np.clip(self.fused.confidence, 0.0, 1.0))
        return self.presence * self.placement


@dataclass(frozen=True)
class Rules:
    """How evidence becomes answers, as the card of the weights says, else by hand.

    Args:
        calibration: of choice and confidence.
        judgement: of presence, placement and distance; None for weights without.
        problem: why these were not fitted for what answers, or "".
    """

    calibration: Calibration
    judgement: Judgement | None = None
    problem: str = ""

    @property
    def calibrated(self) -> bool:
        """Whether confidences were fitted, for these weights and this evidence."""
        return self.calibration is not UNCALIBRATED and not self.problem

    @property
    def found_from(self) -> float:
        """The least confidence of a found lesion."""
        return (self.calibration if self.judgement is None else self.judgement).found_from


def rules_of(card: Mapping[str, Any], sha256: str) -> Rules:
    """Return how the evidence of some weights is judged.

    Args:
        card: of the weights.
        sha256: of their file.

    Raises:
        WeightsError: if the card says what this version cannot use.
    """
    calibration = Calibration.from_json(card["calibration"]) if card.get("calibration") else UNCALIBRATED
    if not card.get("judgement"):
        return Rules(calibration)
    judgement = Judgement.from_json(card["judgement"])
    return Rules(calibration, judgement, judgement.problem(sha256))


def judge_alone(looked: Looked, rules: Rules) -> Judged:
    """Return the network's point, whatever the others say, with what speaks for its place."""
    fused = network_alone(looked.network_mm, looked.candidates, looked.evidence, rules.calibration)
    own = rules.judgement
    if own is None:
        return _by_confidence(fused, rules)
    values = looked.numbers(fused.place)
    presence, placement = own.presence.probability(values), own.placement.probability(values)
    if fused.fits_elsewhere:
        placement = doubted(placement, own.found_from)
    return Judged(fused, _state(presence, placement, own), presence, placement)


def judge(looked: Sequence[Looked], rules: Rules) -> list[Judged]:
    """Choose the places of all lesions together, and say of each how sure it is."""
    own = rules.judgement
    if own is None:
        answers = [fuse(one.candidates, one.evidence, rules.calibration, doubtful=one.doubtful) for one in looked]
        return [_by_confidence(fused, rules, _lost(one, fused)) for one, fused in zip(looked, answers, strict=True)]
    started = time.perf_counter()
    alone = [rules.calibration.shares(one.evidence) for one in looked]
    places = [choose(one.candidates, one.evidence, rules.calibration) for one in looked]
    values = [one.numbers(place) for one, place in zip(looked, places, strict=True)]
    labels = [
        labels_of(one, shares, own.presence.probability(known), rules.calibration)
        for one, shares, known in zip(looked, alone, values, strict=True)
    ]
    found = []
    for n, chosen in enumerate(choose_jointly(labels, own.neighbours)):
        one, shares = looked[n], shares_given(looked[n].candidates, alone[n], chosen, rules.calibration)
        fused = fuse(one.candidates, one.evidence, rules.calibration, shares, doubtful=one.doubtful)
        known = values[n] if fused.place == places[n] else one.numbers(fused.place)
        presence, placement = own.presence.probability(known), own.placement.probability(known)
        if chosen.claimed_by is not None:
            presence = min(presence, chosen.presence)
            fused = fused.with_note(f"the place that fits best is that of {looked[chosen.claimed_by].lesion_id}")
        radius = own.radii.of(one.evidence[fused.place.number])
        state = _state(presence, placement, own)
        found.append(Judged(fused, state, presence, placement, radius, _lost(one, fused)))
    seconds = (time.perf_counter() - started) / max(len(found), 1)
    return [replace(one, seconds=seconds) for one in found]


def _lost(looked: Looked, fused: Fused) -> bool:
    """Say whether the lesion may have gone from the place that was chosen."""
    number = fused.place.number
    return may_have_gone(looked.evidence[number], looked.left(number))


def labels_of(looked: Looked, shares: np.ndarray, presence: float, calibration: Calibration) -> Labels:
    """Return what one lesion can be, by its own evidence: candidates that mean one place are one."""
    places = places_of(looked.candidates, shares, calibration)
    return Labels(
        baseline_mm=looked.baseline_mm,
        expected_mm=looked.candidates[0].center_mm,
        places_mm=np.array([looked.candidates[place.number].center_mm for place in places]),
        shares=np.array([place.share for place in places]),
        presence=presence,
    )


def shares_given(
    candidates: Sequence[Candidate], alone: np.ndarray, chosen: Chosen, calibration: Calibration
) -> np.ndarray:
    """Return the probability of each candidate, given what the other lesions are."""
    given = np.zeros(len(alone))
    for place, share in zip(places_of(candidates, alone, calibration), chosen.shares, strict=True):
        members = list(place.members)
        given[members] = alone[members] * (share / max(place.share, 1e-12))
    return np.asarray(given / given.sum())


def _by_confidence(fused: Fused, rules: Rules, lost: bool = False) -> Judged:
    state = FOUND if fused.confidence >= rules.found_from else UNCERTAIN
    return Judged(fused, state.name, contrast_lost=lost)


def _state(presence: float, placement: float, judgement: Judgement) -> str:
    return (FOUND if presence * placement >= judgement.found_from else UNCERTAIN).name
