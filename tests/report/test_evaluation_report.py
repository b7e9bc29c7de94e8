"""The page and the figures of an evaluation say the numbers they are made of."""

import numpy as np
import pytest
from PIL import Image

from lesion_tracker.report.evaluation_figures import (
    MOST_NAMES_INSIDE,
    NAMES,
    cumulative_distance,
    distance_by_stratum,
    signed_error,
    write_figures,
)
from lesion_tracker.report.evaluation_table import comparison_markdown, evaluation_markdown
from lesion_tracker.scoring.answers import Answer
from lesion_tracker.scoring.comparison import compare
from lesion_tracker.scoring.scores_file import evaluation_json

MADE = {"command": "main.py evaluate", "versions": {"python": "3"}, "model": None, "inputs": {"pairs.json": "0a"}}


def answers(count=60, bias_mm=(-2.0, 0.0, 1.0)):
    rng = np.random.default_rng(1)
    return [
        Answer(
            str(n),
            rng.normal(bias_mm, 0.5),
            float(rng.uniform(3, 30)),
            patient=f"p{n % 12}",
            slice_mm=5.0,
            prior_mm=float(rng.uniform(0, 40)),
            shift=n % 2,
        )
        for n in range(count)
    ]


def test_the_page_holds_scores_intervals_groups_and_what_made_them():
    data = evaluation_json(answers(), "auto", [], MADE)
    page = evaluation_markdown(data, "A test")
    low, high = data["intervals"]["cpm_at_10mm"]
    assert f"| {100 * data['cpm_at_10mm']:.2f} % | {100 * low:.2f} % to {100 * high:.2f} % |" in page
    for text in ("# A test", "## By radius", ">= 20 mm", "## Robustness", "main.py evaluate", "| pairs.json | 0a |"):
        assert text in page
    official, other = page.split("## Other rules, not the benchmark's score")
    assert "whatever the radius" not in official
    assert f"UAE's CPM@10mm: error <= 10 mm, whatever the radius | {100 * data['within_10mm']:.2f} %" in other
    assert "box | – | – |" in other  # no boxes are known
    assert f"| MED along z | {data['med_z_mm']:.2f} ± {data['med_z_sd_mm']:.2f} mm |" in official


def test_a_comparison_keeps_the_looser_rule_apart():
    page = comparison_markdown(compare(answers(), answers(bias_mm=(9.0, 0.0, 0.0))).to_json(), "a", "b", "A test")
    official, other = page.split("## Other rules, not the benchmark's score")
    assert "CPM@10mm (error" in official
    assert "MED" in official
    assert "whatever the radius" not in official
    assert other.count("UAE's CPM@10mm: error <= 10 mm, whatever the radius") == 1


def test_the_names_of_many_curves_cover_none():
    few = cumulative_distance({f"row {n}": answers() for n in range(MOST_NAMES_INSIDE)})
    assert not few.legends
    many = cumulative_distance({f"row {n}": answers() for n in range(MOST_NAMES_INSIDE + 1)})
    many.draw_without_rendering()
    (axes,), (legend,) = many.axes, many.legends
    assert axes.get_legend() is None
    assert legend.get_window_extent().x0 > axes.get_window_extent().x1


def test_the_cumulative_curve_ends_at_all_answers():
    (axes,) = cumulative_distance({"a": answers(), "b": answers(bias_mm=(60.0, 0.0, 0.0))}).axes
    near, far = axes.lines[:2]
    assert near.get_ydata()[-1] == far.get_ydata()[-1] == 100
    assert near.get_xdata()[0] == 0
    assert far.get_xdata()[-1] < axes.get_xlim()[1]


def test_the_signed_errors_mark_their_medians():
    figure = signed_error(answers(), "a")
    medians = [axes.lines[1].get_xdata()[0] for axes in figure.axes]
    assert medians == pytest.approx([-2, 0, 1], abs=0.25)  # 60 draws of 0.5 mm
    assert figure.axes[0].get_legend().get_texts()[0].get_text().startswith("median −")


def test_the_figures_say_frame_cut_and_rule():
    figure = signed_error(answers(), "a")
    labels = [axes.get_xlabel().split("+: towards the ")[1] for axes in figure.axes]
    assert labels == ["patient's left)", "back)", "head)"]
    assert "in LPS" in figure.get_suptitle()
    (axes,) = cumulative_distance({"a": answers()}).axes
    assert axes.get_legend().get_texts()[-1].get_text() == "10 mm (CPM@10mm also asks for ≤ radius)"


def test_the_axes_hold_all_answers():
    far = answers(3, bias_mm=(270.0, 0.0, 0.0))
    figure = distance_by_stratum([*answers(57), *far], "a")
    top = figure.axes[0].get_ylim()[1]
    assert max(answer.distance_mm for answer in far) < top < 300
    for axes in signed_error([*answers(57), *far], "a").axes:
        assert sum(bar.get_height() for bar in axes.patches) == 60
        assert axes.get_xlim()[1] > 270


def test_few_answers_are_dots_and_many_a_box():
    few = distance_by_stratum(answers(4), "a").axes[0]
    assert not few.patches
    assert sum(len(line.get_xdata()) for line in few.lines) == 4
    assert distance_by_stratum(answers(60), "a").axes[0].patches


def test_every_stratum_has_its_panel():
    assert [axes.get_xlabel() for axes in distance_by_stratum(answers(), "a").axes] == [
        *("radius of the lesion", "slice spacing of the follow-up", "registration off by")
    ]


def test_the_files_are_pictures(tmp_path):
    paths = write_figures(tmp_path, {"a": answers(1)})
    assert [path.name for path in paths] == list(NAMES)
    for path in paths:
        with Image.open(path) as image:
            assert min(image.size) > 300
    with pytest.raises(ValueError, match="nothing to draw"):
        write_figures(tmp_path, {})
