"""The chart of a patient's course: the sum of diameters with the response, and each lesion's length, on a true time axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree as Svg

from matplotlib.ticker import MaxNLocator

from lesion_tracker.records.followed import Followed
from lesion_tracker.report.patient_results import PatientResult
from lesion_tracker.report.response_table import counted_mm, shown_date
from lesion_tracker.report.svg import COLORS, DASHES, MARKERS, Point, as_text, chart_of, line, mark, spread, text
from lesion_tracker.response.targets import GROWN_MM, GROWN_PERCENT, SHRUNK_PERCENT

WIDTH, LEFT, RIGHT = 960.0, 48.0, 232.0
SUM_TOP, SUM_HIGH, LESIONS_HIGH = 60.0, 150.0, 210.0
BETWEEN, BELOW, LABEL, DATE = 60.0, 40.0, 15.0, 76.0
MOST_LINES, LONGEST_NAME = 12, 26


@dataclass(frozen=True)
class _Part:
    """One of both parts of the chart: where lengths stand in it, px."""

    top: float
    high: float
    most_mm: float
    ticks_mm: tuple[float, ...]

    def y(self, length_mm: float) -> float:
        return self.top + self.high * (1 - length_mm / self.most_mm)

    @property
    def bottom(self) -> float:
        return self.top + self.high


def course_chart(patient: PatientResult) -> str:
    """Return the chart as SVG, "" where no lesion has a length in any study.

    Where a study has no date, the studies stand at equal distances in their order, and the chart says so.
    """
    lesions, left_out = _drawn(patient)
    if not lesions:
        return ""
    x, dated = _places(patient)
    sums = [one.sum_mm for one in patient.response]
    top = SUM_TOP if any(one is not None for one in sums) else 24.0 - BETWEEN
    upper = _part(top, SUM_HIGH, sums) if top == SUM_TOP else None
    longest = [length for lesion in lesions for length in _lengths(patient, lesion)]
    lower = _part((upper.bottom if upper else top) + BETWEEN, LESIONS_HIGH, longest)
    chart = chart_of(WIDTH, lower.bottom + BELOW, f"Course of {patient.patient_id}", "The table has the same in words.")
    for part in filter(None, (upper, lower)):
        _frame(chart, part, x)
    _dates(chart, patient, x, lower, dated)
    if upper:
        _sums(chart, patient, x, upper, sums)
    _lines(chart, patient, x, lower, lesions)
    heading = "Length of each lesion, mm (of a lymph node the short axis); hollow: no reader has looked at it"
    text(chart, (LEFT, lower.top - 10), heading + (f"; {left_out} shorter ones are not drawn" if left_out else ""))
    return as_text(chart)


def _drawn(patient: PatientResult) -> tuple[list[Followed], int]:
    """Return the lesions with a length, targets and then the longest first, and how many do not fit."""

    def order(lesion: Followed) -> tuple[bool, float]:
        return lesion.traits.role != "target", -max(filter(None, _lengths(patient, lesion)), default=0.0)

    known = [one for one in patient.lesions if any(length for length in _lengths(patient, one))]
    chosen = sorted(known, key=order)[:MOST_LINES]
    return chosen, len(known) - len(chosen)


def _lengths(patient: PatientResult, lesion: Followed) -> list[float | None]:
    return [counted_mm(lesion, study.of(lesion.id)) for study in patient.studies]


def _places(patient: PatientResult) -> tuple[list[float], bool]:
    """Return where each study stands, px, and whether by its date."""
    dates = [one.study.study_date for one in patient.studies]
    dated = all(len(one) == 8 for one in dates)
    days = [date(int(d[:4]), int(d[4:6]), int(d[6:])).toordinal() for d in dates] if dated else list(range(len(dates)))
    whole = max(days[-1] - days[0], 1)
    room = WIDTH - RIGHT - LEFT - 48
    return [LEFT + 24 + room * (day - days[0]) / whole for day in days], dated


def _part(top: float, high: float, lengths: Sequence[float | None]) -> _Part:
    ticks = MaxNLocator(4).tick_values(0.0, max((one for one in lengths if one), default=1.0) * 1.05)
    return _Part(top, high, float(ticks[-1]), tuple(float(tick) for tick in ticks if tick >= 0))


def _frame(chart: Svg.Element, part: _Part, x: Sequence[float]) -> None:
    for tick in part.ticks_mm:
        line(chart, [(LEFT, part.y(tick)), (WIDTH - RIGHT, part.y(tick))], stroke_opacity="0.25")
        text(chart, (LEFT - 6, part.y(tick) + 4), f"{tick:g}", anchor="end")
    for one in x:
        line(chart, [(one, part.top), (one, part.bottom + 5)], stroke_opacity="0.25")
    line(chart, [(LEFT, part.bottom), (WIDTH - RIGHT, part.bottom)])


def _dates(chart: Svg.Element, patient: PatientResult, x: Sequence[float], part: _Part, dated: bool) -> None:
    ends = [-DATE, -DATE]  # of the last date in each of two rows
    for one, study in zip(x, patient.studies, strict=True):
        row = next((k for k in (0, 1) if one - ends[k] >= DATE), None)
        if row is None:
            continue
        ends[row] = one
        text(
            chart,
            (one, part.bottom + 19 + 14 * row),
            shown_date(study.study.study_date, study.study.id)[:16],
            anchor="middle",
        )
    if not dated:
        text(chart, (WIDTH - RIGHT + 8, part.bottom + 19), "a date is missing: in order,")
        text(chart, (WIDTH - RIGHT + 8, part.bottom + 33), "not on a time axis")


def _sums(
    chart: Svg.Element, patient: PatientResult, x: Sequence[float], part: _Part, sums: Sequence[float | None]
) -> None:
    text(chart, (LEFT, 14.0), "Sum of diameters, mm", font_weight="bold")
    text(chart, (LEFT - 6, 40.0), "response", anchor="end", font_size="9")
    known = [(one, mm) for one, mm in zip(x, sums, strict=True) if mm is not None]
    _bounds(chart, x, part, patient, known)
    for piece in _pieces(x, sums, part):
        line(chart, piece, stroke_width="2.5")
    for place, assessment in zip(x, patient.response, strict=True):
        words = "" if assessment.category == "baseline" else assessment.category
        text(chart, (place, 40.0), words, anchor="middle", font_weight="bold", font_size="14")
        if assessment.sum_mm is not None:
            at = place, part.y(assessment.sum_mm)
            mark(chart, at, MARKERS[0], "currentColor", f"{assessment.date}: {assessment.sum_mm:.1f} mm")
            text(chart, (place, at[1] - 12), f"{assessment.sum_mm:.1f}", anchor="middle")


def _bounds(
    chart: Svg.Element, x: Sequence[float], part: _Part, patient: PatientResult, known: Sequence[Point]
) -> None:
    """Draw from where the sum is a partial response, and from where on, above the smallest, a progression."""
    baseline = patient.response[0].sum_mm
    smallest_x, smallest = min(known, key=lambda one: one[1])
    texts = []
    if baseline:
        texts.append((x[0], baseline * (1 - SHRUNK_PERCENT / 100), f"−{SHRUNK_PERCENT:g} % of baseline"))
    if smallest_x < x[-1]:
        grown = max(smallest * (1 + GROWN_PERCENT / 100), smallest + GROWN_MM)
        texts.append((smallest_x, grown, f"+{GROWN_PERCENT:g} %, at least {GROWN_MM:g} mm"))
    texts.append((smallest_x, smallest, f"smallest sum {smallest:.1f} mm"))
    inside = [one for one in texts if one[1] <= part.most_mm]
    labels = spread([part.y(mm) + 4 for _, mm, _ in inside], LABEL, part.top, part.bottom)
    for (begin, mm, words), label in zip(inside, labels, strict=True):
        dash = "" if mm == smallest else "5 4"
        line(
            chart,
            [(begin, part.y(mm)), (WIDTH - RIGHT, part.y(mm)), (WIDTH - RIGHT + 6, label - 4)],
            stroke_dasharray=dash,
        )
        text(chart, (WIDTH - RIGHT + 9, label), words)
    at = smallest_x, part.y(smallest)
    mark(chart, at, "M-8 0A8 8 0 1 0 8 0A8 8 0 1 0-8 0Z", "currentColor", "the smallest sum", filled=False)


def _lines(
    chart: Svg.Element, patient: PatientResult, x: Sequence[float], part: _Part, lesions: Sequence[Followed]
) -> None:
    ends: list[Point] = []
    for number, lesion in enumerate(lesions):
        color, shape = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
        lengths = _lengths(patient, lesion)
        for piece in _pieces(x, lengths, part):
            line(chart, piece, stroke=color, stroke_width="1.8", stroke_dasharray=DASHES[number % len(DASHES)])
        for place, length, study in zip(x, lengths, patient.studies, strict=True):
            if length is not None:
                found = study.of(lesion.id)
                words = f"{lesion.name}, {shown_date(study.study.study_date, study.study.id)}: {length:.1f} mm"
                mark(chart, (place, part.y(length)), shape, color, words, filled=bool(found and found.seen.confirmed))
        ends.append(max((place, part.y(mm)) for place, mm in zip(x, lengths, strict=True) if mm is not None))
    labels = spread([y + 4 for _, y in ends], LABEL, part.top, part.bottom + 8)
    for number, (lesion, end, label) in enumerate(zip(lesions, ends, labels, strict=True)):
        color = COLORS[number % len(COLORS)]
        line(chart, [end, (WIDTH - RIGHT, end[1]), (WIDTH - RIGHT + 8, label - 4)], stroke=color, stroke_width="0.8")
        mark(chart, (WIDTH - RIGHT + 15, label - 4), MARKERS[number % len(MARKERS)], color, lesion.name)
        text(chart, (WIDTH - RIGHT + 25, label), _short(lesion))


def _short(lesion: Followed) -> str:
    name = lesion.name if len(lesion.name) <= LONGEST_NAME else lesion.name[: LONGEST_NAME - 1] + "…"
    more = [
        {"target": "target", "non-target": "non-target"}.get(lesion.traits.role, ""),
        "node" if lesion.traits.node else "",
    ]
    return name + (f" ({', '.join(filter(None, more))})" if any(more) else "")


def _pieces(x: Sequence[float], lengths: Sequence[float | None], part: _Part) -> Iterator[list[Point]]:
    """Yield what is known without a gap; where a study has no length, the line is broken."""
    piece: list[Point] = []
    for place, length in zip(x, lengths, strict=True):
        if length is None:
            if len(piece) > 1:
                yield piece
            piece = []
        else:
            piece.append((place, part.y(length)))
    if len(piece) > 1:
        yield piece
