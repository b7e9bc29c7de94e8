"""Records to the page: seconds, ratios to the other ways, and which aims are missed."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.speed.measure import DRAWN, OWN, REGISTERED
from lesion_tracker.report.evaluation_table import table

AUTO, BSPLINE, WHOLE = "auto", "bspline", "deformable"
AIMS = {BSPLINE: 8.0, WHOLE: 3.5}
"""How many times faster the first lesion is to be than by another way."""

FIRST_S, LESS_EXACT_MM = 2.0, 0.1
FURTHER_S = {DRAWN: 0.1, OWN: 0.25, REGISTERED: 0.1}
HEAD = """\
# Seconds

    python -m benchmarks.speed

Weights {weights}; on {machine}; load average at the start and at the end {before:.1f} and {after:.1f}.

Volumes are loaded and nothing is remembered. First lesion: from the two volumes to its point. Clock is what a user waits; it
means something only where the load average is that of this program alone (1 to 2 on two processors). Processor is the sum over
all processors, and stays nearly the same on a busy machine. A ratio is what another way takes against `auto`. Errors: the mean
over the pair's lesions that have not moved by themselves. `deformable` is the affine map and greedy on the whole pair;
`refined` is `auto` that starts from it; `bspline` is what elastix offers in 3D Slicer. All with their own parameters.

Further lesions, all in one call after the first: the pair's own, spread over it; the same again, when the cubes round them are
registered; and some drawn blindly within 60 mm of the first where the baseline has tissue. Where there is nothing to find, the
network looks as wide as it can (±96 mm, 2 s of a processor), so the drawn ones bound real neighbours from above."""


def markdown(
    first: Mapping[str, Mapping[str, Any]], further: Mapping[str, Sequence[Mapping[str, Any]]], head: str
) -> str:
    """Return the page.

    Args:
        first: by pair, then by way, a record of `first_lesion`.
        further: by pair, records of `further_lesions` and `own_lesions`.
        head: HEAD, filled in.
    """
    rows, counts = [], []
    for pair, ways in first.items():
        auto = ways[AUTO]
        for way, one in ways.items():
            ratios = [f"{one[key] / auto[key]:.1f}" for key in ("seconds", "cpu_s")]
            rows.append((
                pair, way, f"{one['seconds']:.2f}", f"{one['cpu_s']:.2f}", *ratios, f"{one['peak_bytes'] / 1e9:.1f}",
                f"{one['error_mm']:.2f} (n = {one['lesions']})",
            ))  # fmt: skip
    for pair, records in further.items():
        counts += [
            (pair, one["which"], str(one["count"]), *(f"{one[key] / one['count']:.2f}" for key in ("seconds", "cpu_s")))
            for one in records
        ]
    names = ("pair", "way", "clock, s", "processor, s", "ratio, clock", "ratio, processor", "GB", "mean error, mm")
    parts = [
        head,
        "## The first lesion",
        table(names, rows),
        f"## Further lesions by `{AUTO}`, in one call",
        table(("pair", "which", "lesions", "clock, s a lesion", "processor, s a lesion"), counts),
        "## Aims",
        table(("aim", "measured", "verdict"), [*_aims(first, further)]),
    ]
    return "\n\n".join(parts) + "\n"


def _aims(
    first: Mapping[str, Mapping[str, Any]], further: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[tuple[str, str, str]]:
    lines = []
    for pair, ways in first.items():
        auto = ways[AUTO]
        lines.append(
            _line(f"{pair}: first lesion ≤ {FIRST_S} s", f"{auto['seconds']:.2f} s", auto["seconds"] <= FIRST_S)
        )
        for way, least in AIMS.items():
            if way in ways:
                clock, cpu = (ways[way][key] / auto[key] for key in ("seconds", "cpu_s"))
                told = f"{clock:.1f} by the clock, {cpu:.1f} of the processors"
                lines.append(_line(f"{pair}: ≥ {least} times faster than `{way}`", told, clock >= least))
        if WHOLE in ways:
            more = auto["error_mm"] - ways[WHOLE]["error_mm"]
            told = f"{more:+.2f} mm"
            lines.append(
                _line(f"{pair}: at most {LESS_EXACT_MM} mm less exact than `{WHOLE}`", told, more <= LESS_EXACT_MM)
            )
    for pair, records in further.items():
        for one in records:
            each, aim = one["seconds"] / one["count"], FURTHER_S[one["which"]]
            told = f"{pair}: {one['count']} further ({one['which']}) ≤ {aim} s each"
            lines.append(_line(told, f"{each:.2f} s", each <= aim))
    return lines


def _line(aim: str, measured: str, reached: bool) -> tuple[str, str, str]:
    return aim, measured, "reached" if reached else "MISSED"
