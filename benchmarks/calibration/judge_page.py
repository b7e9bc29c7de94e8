"""How good a judgement is about volumes that it was not fitted on, as a page."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from benchmarks.accuracy.reliability import area_under_curve, expected_calibration_error
from benchmarks.calibration.judge_fit import Answer
from lesion_tracker.records.state import FOUND
from lesion_tracker.tracking.judge import Rules
from lesion_tracker.tracking.judgement import Judgement, Rule
from lesion_tracker.tracking.radius import GROUPS, SMALL

BINS = 10
Figure = Callable[[Sequence[Answer]], float]
Named = tuple[str, str, Callable[[Answer], bool], Figure, Callable[[float], bool]]

HEAD = """\
# Is it there, is this the place, within which distance

    python -m benchmarks.calibration

Weights {weights}, evidence {definition}, code {code}; {pairs} constructed pairs of {volumes} studies that were never trained
on, {count} lesions: {there} are there, {gone} have gone, {visible} of these with 60 HU of contrast and more; {wrong} answers
are wrong.
Collected in {minutes:.0f} minutes of wall clock, fitted in {fitted:.1f}.

Each volume is answered by what was fitted on the other three; the threshold of "found" is one for all volumes, chosen so that
3.5 % of the right answers are flagged. Called gone: it is there with less than 50 %. Pairs that were made to fail
(regions that move 30 to 62 mm, look-alikes, decoys beside lesions that vanish) count a quarter in the fits; figures are of
the lesions named in the first column.

| figure | of | reach | all volumes | by volume | n |
|---|---|---|---|---|---|
"""


def _usual(answer: Answer) -> bool:
    return not answer.lesion.made_to_fail


def _there(answer: Answer) -> bool:
    return answer.lesion.there


def _share(of: Callable[[Answer], bool]) -> Figure:
    return lambda answers: float(np.mean([of(one) for one in answers])) if answers else float("nan")


def _flagged(answer: Answer) -> bool:
    return answer.judged.state != FOUND.name


def _auc(value: Callable[[Answer], float], right: Callable[[Answer], bool]) -> Figure:
    return lambda answers: area_under_curve(
        np.array([value(one) for one in answers], dtype=float), np.array([right(one) for one in answers], dtype=bool)
    )


def _error(value: Callable[[Answer], float], right: Callable[[Answer], bool]) -> Figure:
    def error(answers: Sequence[Answer]) -> float:
        if len(answers) < BINS:
            return float("nan")
        values, outcomes = [value(one) for one in answers], [right(one) for one in answers]
        return expected_calibration_error(np.array(values, dtype=float), np.array(outcomes, dtype=bool), BINS)

    return error


def _presence(answer: Answer) -> float:
    return answer.judged.presence or 0.0


def _placement(answer: Answer) -> float:
    return answer.judged.placement or 0.0


def _confidence(answer: Answer) -> float:
    return answer.judged.confidence


def _right(answer: Answer) -> bool:
    return answer.right


def _covered(answer: Answer) -> bool:
    return answer.error_mm <= (answer.judged.radius_90_mm or float("inf"))


def _wrong(answer: Answer) -> bool:
    return answer.lesion.there and not answer.right


def _gone(answer: Answer) -> bool:
    return not answer.lesion.there


def _visibly_gone(answer: Answer) -> bool:
    return not answer.lesion.there and answer.lesion.visible


def _usual_there(answer: Answer) -> bool:
    return answer.lesion.there and _usual(answer)


def _usual_right(answer: Answer) -> bool:
    return answer.right and _usual(answer)


def _everybody(_: Answer) -> bool:
    return True


def _high(least: float) -> Callable[[float], bool]:
    return lambda value: value >= least


def _low(most: float) -> Callable[[float], bool]:
    return lambda value: value <= most


def _mean_error(answers: Sequence[Answer]) -> float:
    return float(np.mean([one.error_mm for one in answers])) if answers else float("nan")


def _called_gone(answer: Answer) -> bool:
    return _presence(answer) < 0.5


def _figures() -> tuple[Named, ...]:
    return (
        ("right", "there", _there, _share(_right), _high(0.0)),
        ("mean error", "there", _there, _mean_error, _high(0.0)),
        ("right", "there, usual", _usual_there, _share(_right), _high(0.0)),
        ("mean error", "there, usual", _usual_there, _mean_error, _high(0.0)),
        ("AUC, confidence", "all points", _everybody, _auc(_confidence, _right), _high(0.93)),
        ("AUC, is it there", "all points", _everybody, _auc(_presence, _there), _high(0.0)),
        ("AUC, is this the place", "there", _there, _auc(_placement, _right), _high(0.93)),
        ("calibration error", "there, usual", _usual_there, _error(_placement, _right), _low(0.05)),
        ("calibration error", "all points, usual", _usual, _error(_confidence, _right), _low(0.05)),
        ("not found", "gone, visible", _visibly_gone, _share(_flagged), _high(0.85)),
        ("called gone", "gone, visible", _visibly_gone, _share(_called_gone), _high(0.0)),
        ("not found", "gone", _gone, _share(_flagged), _high(0.0)),
        ("called gone", "there, usual", _usual_there, _share(_called_gone), _low(0.03)),
        ("not found", "wrong", _wrong, _share(_flagged), _high(0.70)),
        ("not found", "right, usual", _usual_right, _share(_flagged), _low(0.04)),
        ("not found", "right", _right, _share(_flagged), _high(0.0)),
        ("within the distance", "there, usual", _usual_there, _share(_covered), lambda v: 0.87 <= v <= 0.93),
        ("within the distance", "there", _there, _share(_covered), _high(0.0)),
    )  # fmt: skip


REACH = (
    "", "", "", "", "≥ 0.93", "", "≥ 0.93", "≤ 0.05", "≤ 0.05", "≥ 85 %", "", "", "≤ 3 %", "≥ 70 %", "≤ 4 %", "", "87–93 %", "",
)  # fmt: skip


def table(answers: Sequence[Answer]) -> Iterator[str]:
    """Give a line a figure."""
    volumes = sorted({one.lesion.example.volume for one in answers})
    for (name, of, chosen, figure, met), reach in zip(_figures(), REACH, strict=True):
        used = [one for one in answers if chosen(one)]
        value = figure(used)
        each = [figure([one for one in used if one.lesion.example.volume == volume]) for volume in volumes]
        shown = _shown(value, name)
        missed = bool(reach) and not met(value)
        of_volumes = ", ".join(_shown(one, name) for one in each)
        yield f"| {name} | {of} | {reach} | {f'**{shown}**' if missed else shown} | {of_volumes} | {len(used)} |"


def _shown(value: float, name: str) -> str:
    if not np.isfinite(value):
        return "–"
    if name == "mean error":
        return f"{value:.2f} mm"
    return f"{value:.3f}" if name.startswith(("AUC", "calibration")) else f"{100 * value:.1f} %"


def page(
    answers: Sequence[Answer],
    rules: Rules,
    others: Mapping[str, Sequence[Answer]],
    neighbours: Mapping[str, float],
    about: Mapping[str, object],
) -> str:
    """Return RESULTS.md.

    Args:
        answers: about each volume by what was fitted on the others.
        rules: what was fitted on all.
        others: the same answers by other numbers or without neighbours, by what they are.
        neighbours: how likely the right places were, by weight, reach and difference of motions.
        about: what the head names.

    Raises:
        ValueError: for rules without a judgement.
    """
    own = rules.judgement
    if own is None:
        raise ValueError("rules without a judgement have no page")
    there, gone = (
        [one for one in answers if one.lesion.there],
        [one for one in answers if not one.lesion.there],
    )
    volumes = sorted({one.lesion.example.volume for one in answers})
    names = {
        **about,
        "definition": own.definition,
        "weights": own.weights[:12],
        "pairs": len({one.lesion.pair for one in answers}),
        "volumes": len(volumes),
        "count": len(answers),
        "there": len(there),
        "gone": len(gone),
        "visible": sum(one.lesion.visible for one in gone),
        "wrong": sum(not one.right for one in there),
    }
    lines = [
        HEAD.format(**names) + "\n".join(table(answers)),
        f"\nVolumes in order: {', '.join(volumes)}. `found_from` {own.found_from:.3f}.",
        TRIED + "\n".join(_tried({"as fitted": answers, **others})),
        NEIGHBOURS + "\n".join(f"| {name} | {value:.4f} |" for name, value in neighbours.items()),
        DISTANCES + "\n".join(_distances(own)),
        "\n## The two regressions\n",
        *(_rule(name, rule) for name, rule in (("Is it there", own.presence), ("Is this the place", own.placement))),
    ]
    return "\n".join(lines) + "\n"


TRIED = """
## What was tried

| what | AUC, confidence | AUC, is it there | AUC, is this the place |
|---|---|---|---|
"""
NEIGHBOURS = """
## Neighbours

Mean logarithm of the right place's share, volumes left out; the highest is taken.

| weight, reach, difference of motions | |
|---|---|
"""
DISTANCES = """
## Distances

| registration and network | lesions | within with 90 % |
|---|---|---|
"""


def _tried(found: Mapping[str, Sequence[Answer]]) -> Iterator[str]:
    for name, answers in found.items():
        there = [one for one in answers if one.lesion.there]
        values = (
            _auc(_confidence, _right)(answers),
            _auc(_presence, _there)(answers),
            _auc(_placement, _right)(there),
        )
        yield f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


def _distances(judgement: Judgement) -> Iterator[str]:
    for name in GROUPS:
        one = judgement.radii.groups[name]
        small = ", too few: not said" if one.lesions < SMALL else ""
        yield f"| {name} | {one.lesions}{small} | {one.radius_mm:.1f} mm |"


def _rule(name: str, rule: Rule) -> str:
    weights = ", ".join(f"{number} {weight:+.2f}" for number, weight in rule.weights.items())
    return f"{name}: {rule.offset:+.2f}, {weights}.\n"
