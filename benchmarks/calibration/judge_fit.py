"""Stored lesions to a Judgement: two regressions, how much neighbours count, a threshold, distances; by volumes left out."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.calibration.fit import fit_all, fit_logistic
from benchmarks.calibration.stored import Stored
from lesion_tracker.tracking.confidence import CONFIDENCE_FEATURES, Calibration
from lesion_tracker.tracking.fusion import choose
from lesion_tracker.tracking.joint import Labels, Neighbours, choose_jointly
from lesion_tracker.tracking.judge import Judged, Rules, judge, labels_of, shares_given
from lesion_tracker.tracking.judgement import NUMBERS, Judgement, Rule, definition
from lesion_tracker.tracking.radius import GROUPS, Radii, Radius, fit_radii, group_of

EVIDENCE = CONFIDENCE_FEATURES
"""What confidence was read from before there was a judgement."""

OF_THE_PAIR = ("inside", "registration", "strain", "shifted")
"""What says more of the pair and its field of view than of an answer: it hardly varies among constructed pairs, and much among
real ones, so its weights would be led by chance."""

JUDGED = tuple(name for name in NUMBERS if name not in OF_THE_PAIR)
PENALTY = 15.0
ALONE = Neighbours(0.0, 30.0, 10.0)
GRID = (ALONE, *(Neighbours(*one) for one in itertools.product((0.5, 1.0, 2.0), (20.0, 40.0), (8.0, 16.0))))

MOST_FLAGGED = 0.035
"""Share of the right answers below `found_from`, of pairs that were not made to fail; the figure to reach is 0.04."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What one lesion was answered.

    Args:
        lesion: the lesion.
        judged: the answer.
        error_mm: infinite where the lesion has gone.
        right: whether it is a hit.
        group: who means the point.
    """

    lesion: Stored
    judged: Judged
    error_mm: float
    right: bool
    group: str


@dataclass(frozen=True)
class Names:
    """Which numbers are read.

    Args:
        presence: for "is it there".
        placement: for "is this the place".
    """

    presence: tuple[str, ...] = JUDGED
    placement: tuple[str, ...] = JUDGED


def answers_by(lesions: Sequence[Stored], rules: Rules) -> list[Answer]:
    """Answer the lesions of each pair together, as the product does."""
    found = []
    for pair in dict.fromkeys(one.pair for one in lesions):
        own = [one for one in lesions if one.pair == pair]
        for one, judged in zip(own, judge([one.looked for one in own], rules), strict=True):
            point = np.asarray(judged.fused.center_mm)
            group = group_of(one.looked.evidence[judged.fused.place.number])
            found.append(Answer(one, judged, one.example.error_mm(point), one.example.right(point), group))
    return found


def fit_rules(lesions: Sequence[Stored], agree_mm: float, neighbours: Neighbours, names: Names) -> Rules:
    """Fit choice and both regressions; the threshold is 0, and distances are not known yet."""
    calibration = fit_all([one.example for one in lesions], agree_mm)
    places = [choose(one.looked.candidates, one.looked.evidence, calibration) for one in lesions]
    numbers = [one.looked.numbers(place) for one, place in zip(lesions, places, strict=True)]
    there = np.array([one.there for one in lesions])
    right = np.array([
        one.example.right(np.asarray(one.looked.candidates[place.number].center_mm))
        for one, place in zip(lesions, places, strict=True)
    ])  # fmt: skip
    weights = np.array([one.example.weight for one in lesions])

    def rule(wanted: Sequence[str], outcome: np.ndarray, of: np.ndarray) -> Rule:
        values = np.array([[known[name] for name in wanted] for known in numbers])
        fitted = fit_logistic(values[of], outcome[of], PENALTY, weights[of])
        return Rule(dict(zip(wanted, fitted.weights, strict=True)), fitted.offset)

    everything = np.ones(len(lesions), dtype=bool)
    presence, placement = rule(names.presence, there, everything), rule(names.placement, right, there)
    unknown = Radii(dict.fromkeys(GROUPS, Radius(float("inf"), 0)))
    return Rules(calibration, Judgement("", definition(), presence, placement, 0.0, unknown, neighbours))


def radii_of(answers: Iterable[Answer]) -> Radii:
    """Return the distances of answers about lesions that are there, of pairs that were not made to fail."""
    used = [one for one in answers if one.lesion.there and not one.lesion.made_to_fail]
    return fit_radii([one.error_mm for one in used], [one.group for one in used])


def held_out(lesions: Sequence[Stored], agree_mm: float, neighbours: Neighbours, names: Names) -> list[Answer]:
    """Return the answers about each volume by what was fitted on the others, distances by such answers about the others."""
    found = []
    for train, test in _splits(lesions):
        found += answers_by(test, fit_rules(train, agree_mm, neighbours, names))
    radii = {
        volume: radii_of(one for one in found if one.lesion.example.volume != volume)
        for volume in {one.lesion.example.volume for one in found}
    }
    return [_within(one, radii[one.lesion.example.volume]) for one in found]


def _within(answer: Answer, radii: Radii) -> Answer:
    evidence = answer.lesion.looked.evidence[answer.judged.fused.place.number]
    return replace(answer, judged=replace(answer.judged, radius_90_mm=radii.of(evidence)))


def best_neighbours(lesions: Sequence[Stored], agree_mm: float) -> tuple[Neighbours, dict[str, float]]:
    """Return how much neighbours count: by the likelihood of the right places of volumes that were left out.

    Returns:
        The best of GRID, and for each the mean logarithm of the right places' share.
    """
    sums = dict.fromkeys(GRID, 0.0)
    total = 0.0
    for train, test in _splits(lesions):
        rules = fit_rules(train, agree_mm, ALONE, Names())
        for pair in dict.fromkeys(one.pair for one in test):
            own = [one for one in test if one.pair == pair]
            labels = [_labels(one, rules) for one in own]
            usable = [one.example.weight * bool(one.example.right_candidates().any()) for one in own]
            total += sum(usable)
            for neighbours in GRID:
                sums[neighbours] += _likelihood(own, labels, usable, neighbours, rules.calibration)
    scores = {one: value / total for one, value in sums.items()}
    best = max(GRID, key=lambda one: scores[one])
    return best, {f"{one.weight:g}, {one.reach_mm:g} mm, {one.apart_mm:g} mm": scores[one] for one in GRID}


def fit_judgement(
    lesions: Sequence[Stored], weights: str, calibration: Calibration
) -> tuple[Rules, list[Answer], dict[str, float]]:
    """Fit everything; threshold and distances by answers about volumes that were left out.

    Args:
        lesions: of at least two volumes.
        weights: sha256 of the network's weights.
        calibration: fitted on the same lesions: its `agree_mm` counts, and it is part of the rules.

    Returns:
        The rules, those answers, and how likely the right places were with neighbours of different weights.
    """
    agree_mm = calibration.agree_mm
    neighbours, tried = best_neighbours(lesions, agree_mm)
    answers = held_out(lesions, agree_mm, neighbours, Names())
    found_from = threshold(answers)
    rules = replace(fit_rules(lesions, agree_mm, neighbours, Names()), calibration=calibration)
    rules = _changed(rules, weights=weights, found_from=found_from, radii=radii_of(answers))
    return rules, [_judged_by(one, found_from) for one in answers], tried


def threshold(answers: Sequence[Answer]) -> float:
    """Return `found_from`: few right answers are flagged."""
    right = [one for one in answers if one.right and not one.lesion.made_to_fail]
    return float(np.quantile([one.judged.confidence for one in right], MOST_FLAGGED, method="lower"))


def _changed(rules: Rules, **changes: object) -> Rules:
    if rules.judgement is None:
        raise ValueError("rules without a judgement have nothing to change")
    return replace(rules, judgement=replace(rules.judgement, **changes))  # type: ignore[arg-type]


def _judged_by(answer: Answer, found_from: float) -> Answer:
    state = "found" if answer.judged.confidence >= found_from else "uncertain"
    return replace(answer, judged=replace(answer.judged, state=state))


def _splits(lesions: Sequence[Stored]) -> list[tuple[list[Stored], list[Stored]]]:
    """Return for each volume the lesions of the others and its own.

    Raises:
        ValueError: if all lesions come from one volume.
    """
    volumes = sorted({one.example.volume for one in lesions})
    if len(volumes) < 2:
        raise ValueError(f"leaving a volume out needs two, got {volumes}")
    return [
        ([one for one in lesions if one.example.volume != v], [one for one in lesions if one.example.volume == v])
        for v in volumes
    ]


def _labels(lesion: Stored, rules: Rules) -> Labels:
    looked, own = lesion.looked, rules.judgement
    place = choose(looked.candidates, looked.evidence, rules.calibration)
    presence = own.presence.probability(looked.numbers(place)) if own is not None else 1.0
    return labels_of(looked, rules.calibration.shares(looked.evidence), presence, rules.calibration)


def _likelihood(
    lesions: Sequence[Stored],
    labels: Sequence[Labels],
    usable: Sequence[float],
    neighbours: Neighbours,
    calibration: Calibration,
) -> float:
    total = 0.0
    for one, weight, chosen in zip(lesions, usable, choose_jointly(labels, neighbours), strict=True):
        if weight:
            alone = calibration.shares(one.looked.evidence)
            shares = shares_given(one.looked.candidates, alone, chosen, calibration)
            total += weight * float(np.log(max(float(shares[one.example.right_candidates()].sum()), 1e-6)))
    return total
