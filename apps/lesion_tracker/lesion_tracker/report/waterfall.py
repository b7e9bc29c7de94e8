"""The waterfall of a cohort as SVG: each patient's best change of the sum of diameters from baseline, growth first."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from lesion_tracker.report.svg import COLORS, as_text, chart_of, line, rectangle, text
from lesion_tracker.response.assessment import Assessment, Category, percent
from lesion_tracker.response.targets import GROWN_PERCENT, SHRUNK_PERCENT

LEFT, TOP, HIGH, BELOW, LEAST, MOST = 52.0, 20.0, 260.0, 96.0, 18.0, 64.0
WIDEST = 1100.0
OPAQUE: dict[Category, str] = {"CR": "1", "PR": "1", "SD": "0.55", "PD": "0.25"}
"""Beside the letters on each bar: darker is the better response."""


@dataclass(frozen=True)
class Bar:
    """One patient.

    Args:
        patient_id: who.
        best_percent: of all sums until progression the smallest, against the baseline's; None where there is none.
        best: category of that study.
        last: category of the last study.
        studies: number of studies.
    """

    patient_id: str
    best_percent: float | None
    best: Category | None
    last: Category | None
    studies: int


def bar_of(patient_id: str, response: Sequence[Assessment], studies: int) -> Bar:
    """Return a patient's bar.

    Args:
        patient_id: who.
        response: one a study, the baseline first.
        studies: number of studies.
    """
    counted: list[tuple[float, Category]] = []
    for one in response[1:]:
        change = percent(one.sum_mm, one.baseline_mm)
        counted += [] if change is None else [(change, one.category)]
        if one.category == "PD":
            break
    change, best = min(counted, default=(None, None), key=lambda one: one[0] or 0.0)
    return Bar(patient_id, change, best, response[-1].category if len(response) > 1 else None, studies)


def waterfall(bars: Sequence[Bar]) -> str:
    """Return the chart, "" where no patient has a change."""
    known = sorted([one for one in bars if one.best_percent is not None], key=lambda one: -(one.best_percent or 0.0))
    if not known:
        return ""
    values = [one.best_percent or 0.0 for one in known]
    ticks = [float(tick) for tick in MaxNLocator(6).tick_values(min(*values, -40.0), max(*values, 30.0))]
    low, high = ticks[0], ticks[-1]
    step = min(MOST, max(LEAST, (WIDEST - LEFT) / len(known)))
    right = LEFT + step * len(known) + 12

    def y(value: float) -> float:
        return TOP + HIGH * (high - value) / (high - low)

    title = "Best change of the sum of diameters from baseline, %"
    chart = chart_of(right + 190, TOP + HIGH + BELOW, title, "The table below has the same in words.")
    for tick in ticks:
        line(chart, [(LEFT, y(tick)), (right, y(tick))], stroke_opacity="0.25")
        text(chart, (LEFT - 6, y(tick) + 4), f"{tick:+g}".replace("+0", "0"), anchor="end")
    for number, (one, value) in enumerate(zip(known, values, strict=True)):
        x = LEFT + step * (number + 0.15)
        about = f"{one.patient_id}: {value:+.0f} %, {one.best}"
        opacity = OPAQUE.get(one.best or "NE", "0.1")
        rectangle(chart, (x, min(y(value), y(0.0))), (step * 0.7, abs(y(value) - y(0.0))), COLORS[0], opacity, about)
        middle = x + step * 0.35
        text(chart, (middle, y(value) + (14 if value < 0 else -5)), one.best or "", anchor="middle", font_size="11")
        at = f"rotate(-55 {middle:.1f} {TOP + HIGH + 14:.1f})"
        text(chart, (middle, TOP + HIGH + 14), one.patient_id[:14], anchor="end", transform=at, font_size="11")
    line(chart, [(LEFT, y(0.0)), (right, y(0.0))], stroke_width="1.5")
    for bound, words in ((-SHRUNK_PERCENT, "partial response"), (GROWN_PERCENT, "growth")):
        line(chart, [(LEFT, y(bound)), (right, y(bound))], stroke_dasharray="5 4")
        text(chart, (right + 6, y(bound) + 4), f"{bound:+g} %: {words}")
    return as_text(chart)
