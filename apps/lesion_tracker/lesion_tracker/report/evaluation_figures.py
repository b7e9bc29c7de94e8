"""Three figures of an evaluation: cumulative distance, distance by stratum, signed error along each axis."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lesion_tracker.files.whole import refusals_of, written_whole
from lesion_tracker.scoring.answers import Answer, differences_of, distances_of, radii_of
from lesion_tracker.scoring.cpm import hits_at_10mm
from lesion_tracker.scoring.strata import Stratum, strata_of

COLORS = ("#0b5fa5", "#d1661c", "#3a8f3a", "#8452a8", "#5c5c5c", "#b8325e")
DASHES = ("solid", "dashed", "dotted")
LINEAR_MM = 20.0
"""Axes are linear up to this distance and logarithmic beyond, so that they hold all answers."""
TICKS_MM = (0, 5, 10, 15, 20, 50, 100, 250, 500, 1000)
FEW = 5
"""Up to so many answers are drawn one by one: a box of three says nothing."""
TEN_MM = "10 mm (CPM@10mm also asks for ≤ radius)"
TOWARDS = {"x": "patient's left", "y": "back", "z": "head"}
"""Where the axes of LPS point; `read_dls` takes the benchmark's slice numbers, which count from the head down, to LPS."""
MOST_NAMES_INSIDE = 6
"""With more curves their names stand beside the plot, where they cover none."""

NAMES = ("cumulative_distance.png", "distance_by_stratum.png", "signed_error.png")


def write_figures(folder: Path, sets: Mapping[str, Sequence[Answer]]) -> list[Path]:
    """Write the figures of one or more sets of answers as PNG.

    Args:
        folder: exists.
        sets: answers by the name shown; the first is the one whose strata and axes are drawn.

    Returns:
        The files.

    Raises:
        ValueError: without answers.
        FileFormatError: if the folder cannot be written to.
    """
    if not sets or not all(sets.values()):
        raise ValueError("there is nothing to draw: no answers were given")
    name, every = next(iter(sets.items()))
    answers = [answer for answer in every if not answer.missed]
    drawn = (cumulative_distance(sets), distance_by_stratum(answers, name), signed_error(answers, name))
    return [_save(figure, folder / file) for figure, file in zip(drawn, NAMES, strict=True)]


def cumulative_distance(sets: Mapping[str, Sequence[Answer]]) -> Figure:
    """Draw the share of the lesions within each distance; without an answer a lesion is within none."""
    beside = len(sets) > MOST_NAMES_INSIDE
    figure = Figure(figsize=(12 if beside else 8, 5), layout="constrained")
    axes = figure.subplots()
    for number, (name, answers) in enumerate(sets.items()):
        distance = np.sort([answer.distance_mm for answer in answers if not answer.missed])
        share = 100 * np.arange(1, len(distance) + 1) / len(answers)
        distance, share = np.concatenate([[0.0], distance]), np.concatenate([[0.0], share])
        axes.step(distance, share, where="post", label=f"{name} (n = {len(answers)})", **_line(number))
    axes.axvline(10, color="0.6", linewidth=1, linestyle=":", label=TEN_MM)
    axes.set(ylim=(0, 101), xlabel="distance from the true centre, mm", ylabel="lesions within it, %")
    _scale(axes, "x", 0.0, max(a.distance_mm for answers in sets.values() for a in answers if not a.missed))
    axes.set_title("How far the answers lie from the truth", loc="left")
    axes.grid(alpha=0.25)
    if beside:
        figure.legend(loc="outside right upper")
    else:
        axes.legend(loc="lower right")
    return figure


def distance_by_stratum(answers: Sequence[Answer], name: str) -> Figure:
    """Draw the distances in each group of each stratum: box 25 to 75 %, whiskers 5 to 95 %, CPM@10mm above."""
    strata = strata_of(answers)
    wide = [max(len(stratum.groups), 2) for stratum in strata]
    figure = Figure(figsize=(max(8.0, 1.15 * sum(wide)), 5), layout="constrained")
    panels = figure.subplots(1, len(strata), sharey=True, squeeze=False, width_ratios=wide)[0]
    for axes, stratum in zip(panels, strata, strict=True):
        _stratum_panel(axes, stratum, answers)
    panels[0].set_ylabel("distance from the true centre, mm")
    _scale(panels[0], "y", 0.0, float(distances_of(answers).max()))
    figure.suptitle(
        f"{name}: distance by group (box 25 to 75 %, whiskers 5 to 95 %, dots: the rest; above: CPM@10mm)",
        x=0.01,
        ha="left",
    )
    return figure


def signed_error(answers: Sequence[Answer], name: str) -> Figure:
    """Draw the signed error along each axis of LPS with its median: a median beside 0 is a bias of the method."""
    difference = differences_of(answers)
    figure = Figure(figsize=(11, 4), layout="constrained")
    widest = max(float(np.abs(difference).max()), 1.0)
    outside = np.geomspace(LINEAR_MM, max(widest, LINEAR_MM) * 1.01, 13)[1:] if widest > LINEAR_MM else np.array([])
    inside = np.linspace(-min(widest, LINEAR_MM), min(widest, LINEAR_MM), 61)
    edges = np.concatenate([-outside[::-1], inside, outside])
    for axes, axis, errors in zip(figure.subplots(1, 3, sharey=True), "xyz", difference.T, strict=True):
        median = float(np.median(errors))
        axes.hist(errors, bins=edges.tolist(), color=COLORS[0], alpha=0.55)
        axes.axvline(0, color="0.25", linewidth=1)
        axes.axvline(median, color=COLORS[1], linewidth=2, label=f"median {median:+.2f} mm".replace("-", "−"))
        axes.set_title(f"along {axis}", fontsize=9)
        _scale(axes, "x", -widest, widest)
        axes.set_xlabel(f"answer − truth, mm (+: towards the {TOWARDS[axis]})")
        axes.margins(y=0.2)
        axes.legend(loc="upper right", fontsize=9)
    figure.axes[0].set_ylabel("lesions")
    figure.suptitle(f"{name}: signed error in LPS (n = {len(answers)})", x=0.01, ha="left")
    return figure


def _stratum_panel(axes: Axes, stratum: Stratum, answers: Sequence[Answer]) -> None:
    distance = distances_of(answers)
    hits = hits_at_10mm(distance, radii_of(answers))
    groups = [np.array(group.members) for group in stratum.groups]
    shown = [distance[members] for members in groups]
    boxed = [place for place, members in enumerate(groups, start=1) if len(members) > FEW]
    if boxed:
        axes.boxplot(
            [shown[place - 1] for place in boxed],
            positions=boxed,
            whis=(5, 95),
            flierprops={"marker": ".", "markersize": 4, "markeredgecolor": COLORS[0]},
            widths=0.6,
            patch_artist=True,
            boxprops={"facecolor": "#cfe0f0", "edgecolor": COLORS[0]},
            medianprops={"color": COLORS[1], "linewidth": 2},
        )
    for place, members in enumerate(groups, start=1):
        if place not in boxed:
            axes.plot([place] * len(members), distance[members], "o", color=COLORS[0], markersize=5)
    names = [f"{group.name.replace(' to ', '–')}\nn = {len(group.members)}" for group in stratum.groups]
    axes.set_xticks(range(1, len(names) + 1), names, fontsize=8)
    axes.set_xlim(0.4, len(names) + 0.6)
    for place, members in enumerate(groups, start=1):
        axes.text(
            place,
            1.01,
            f"{100 * hits[members].mean():.0f} %",
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
        )
    axes.set_xlabel(stratum.title)
    axes.grid(axis="y", alpha=0.25)


def _scale(axes: Axes, name: Literal["x", "y"], low_mm: float, high_mm: float) -> None:
    """Let an axis hold all values, linear to 20 mm and logarithmic beyond."""
    pad_mm = 0.05 * max(high_mm, 1.0)
    low, high = (low_mm - pad_mm if low_mm else 0.0), high_mm + pad_mm
    values = TICKS_MM if low == 0 else (0, *(sign * tick for tick in TICKS_MM[2::2] for sign in (-1, 1)))
    getattr(axes, f"set_{name}scale")("symlog", linthresh=LINEAR_MM, linscale=2.0)
    getattr(axes, f"set_{name}ticks")(sorted(value for value in values if low <= value <= high))
    getattr(axes, f"set_{name}lim")(low, high)
    shown = getattr(axes, f"{name}axis")
    shown.set_major_formatter("{x:g}")
    shown.set_minor_locator(NullLocator())


def _line(number: int) -> dict[str, Any]:
    """Return how a set is drawn: no two of the first eighteen look alike."""
    return {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number // len(COLORS) % len(DASHES)]}


def _save(figure: Figure, path: Path) -> Path:
    FigureCanvasAgg(figure)
    with refusals_of(path), written_whole(path) as draft:
        figure.savefig(draft, dpi=110, format="png")
    return path
