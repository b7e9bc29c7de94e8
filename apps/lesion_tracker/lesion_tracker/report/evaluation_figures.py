"""Three figures of an evaluation: cumulative distance, distance by stratum, signed error along each axis."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lesion_tracker.files.whole import refusals_of, written_whole
from lesion_tracker.scoring.answers import Answer, differences_of, distances_of, radii_of
from lesion_tracker.scoring.cpm import hits_at_10mm
from lesion_tracker.scoring.strata import Stratum, strata_of

COLORS = ("#0b5fa5", "#d1661c", "#3a8f3a", "#8452a8", "#5c5c5c", "#b8325e")
DASHES = ("solid", "dashed", "dotted")
FARTHEST_MM = 40.0
"""Where the axis of distances ends; a figure says how many answers lie beyond."""
WIDEST_MM = 20.0
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
    name, answers = next(iter(sets.items()))
    drawn = (cumulative_distance(sets), distance_by_stratum(answers, name), signed_error(answers, name))
    return [_save(figure, folder / file) for figure, file in zip(drawn, NAMES, strict=True)]


def cumulative_distance(sets: Mapping[str, Sequence[Answer]]) -> Figure:
    """Draw the share of answers within each distance."""
    beside = len(sets) > MOST_NAMES_INSIDE
    figure = Figure(figsize=(12 if beside else 8, 5), layout="constrained")
    axes = figure.subplots()
    for number, (name, answers) in enumerate(sets.items()):
        distance = np.sort(distances_of(answers))
        share = 100 * np.arange(1, len(distance) + 1) / len(distance)
        beyond = int((distance > FARTHEST_MM).sum())
        label = f"{name} (n = {len(distance)}" + (f", {beyond} beyond {FARTHEST_MM:g} mm)" if beyond else ")")
        distance, share = np.concatenate([[0.0], distance]), np.concatenate([[0.0], share])
        axes.step(distance, share, where="post", label=label, **_line(number))
    axes.axvline(10, color="0.6", linewidth=1, linestyle=":", label=TEN_MM)
    axes.set(
        xlim=(0, FARTHEST_MM), ylim=(0, 101), xlabel="distance from the true centre, mm", ylabel="answers within it, %"
    )
    axes.set_title("How far the answers lie from the truth", loc="left")
    axes.grid(alpha=0.25)
    if beside:
        figure.legend(loc="outside right upper")
    else:
        axes.legend(loc="lower right")
    return figure


def distance_by_stratum(answers: Sequence[Answer], name: str) -> Figure:
    """Draw the distances in each group of each stratum: quartiles as a box, 5 % to 95 % as whiskers, CPM@10mm above."""
    strata = strata_of(answers)
    wide = [max(len(stratum.groups), 2) for stratum in strata]
    figure = Figure(figsize=(max(8.0, 1.15 * sum(wide)), 5), layout="constrained")
    panels = figure.subplots(1, len(strata), sharey=True, squeeze=False, width_ratios=wide)[0]
    for axes, stratum in zip(panels, strata, strict=True):
        _stratum_panel(axes, stratum, answers)
    cut_mm = min(max(panels[0].get_ylim()[1], 1.0), FARTHEST_MM)
    for axes, stratum in zip(panels, strata, strict=True):
        _name_groups(axes, stratum, answers, cut_mm)
    panels[0].set_ylabel("distance from the true centre, mm")
    panels[0].set_ylim(0, cut_mm)
    beyond = int((distances_of(answers) > cut_mm).sum())
    figure.suptitle(
        f"{name}: distance by group (box 25 to 75 %, whiskers 5 to 95 %; above: CPM@10mm)\n"
        f"{beyond} of {len(answers)} answers lie beyond the axis, which ends at {cut_mm:.3g} mm",
        x=0.01,
        ha="left",
    )
    return figure


def signed_error(answers: Sequence[Answer], name: str) -> Figure:
    """Draw the signed error along each axis of LPS with its median: a median beside 0 is a bias of the method."""
    difference = differences_of(answers)
    figure = Figure(figsize=(11, 4), layout="constrained")
    edges = np.linspace(-WIDEST_MM, WIDEST_MM, 61)
    for axes, axis, errors in zip(figure.subplots(1, 3, sharey=True), "xyz", difference.T, strict=True):
        median = float(np.median(errors))
        beyond = int((np.abs(errors) > WIDEST_MM).sum())
        axes.hist(np.clip(errors, -WIDEST_MM, WIDEST_MM), bins=edges.tolist(), color=COLORS[0], alpha=0.55)
        axes.axvline(0, color="0.25", linewidth=1)
        axes.axvline(median, color=COLORS[1], linewidth=2, label=f"median {median:+.2f} mm".replace("-", "−"))
        axes.set_title(
            f"along {axis}" + (f"; {beyond} beyond ±{WIDEST_MM:g} mm, in the last bars" if beyond else ""), fontsize=9
        )
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
    axes.boxplot(
        shown,
        whis=(5, 95),
        showfliers=False,
        widths=0.6,
        patch_artist=True,
        boxprops={"facecolor": "#cfe0f0", "edgecolor": COLORS[0]},
        medianprops={"color": COLORS[1], "linewidth": 2},
    )
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


def _name_groups(axes: Axes, stratum: Stratum, answers: Sequence[Answer], cut_mm: float) -> None:
    distance = distances_of(answers)
    labels = []
    for group in stratum.groups:
        beyond = int((distance[np.array(group.members)] > cut_mm).sum())
        labels.append(
            f"{group.name.replace(' to ', '–')}\nn = {len(group.members)}\n" + (f"{beyond} beyond" if beyond else "")
        )
    axes.set_xticks(range(1, len(labels) + 1), labels, fontsize=8)


def _line(number: int) -> dict[str, Any]:
    """Return how a set is drawn: no two of the first eighteen look alike."""
    return {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number // len(COLORS) % len(DASHES)]}


def _save(figure: Figure, path: Path) -> Path:
    FigureCanvasAgg(figure)
    with refusals_of(path), written_whole(path) as draft:
        figure.savefig(draft, dpi=110, format="png")
    return path
