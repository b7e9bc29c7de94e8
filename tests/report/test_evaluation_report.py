"""The page and the figures of an evaluation say the numbers they are made of."""

import numpy as np
import pytest
from PIL import Image

from lib.evaluation.answers import Answer
from lib.evaluation.scores_file import evaluation_json
from lib.report.evaluation_figures import (
    MOST_NAMES_INSIDE,
    NAMES,
    cumulative_distance,
    distance_by_stratum,
    signed_error,
    write_figures,
)
from lib.report.evaluation_table import evaluation_markdown

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
    assert "Under other rules" not in page  # no boxes are known


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
    assert near.get_ydata()[-1] == 100
    assert near.get_xdata()[0] == 0
    assert "60 beyond 40 mm" in far.get_label()


def test_the_signed_errors_mark_their_medians():
    figure = signed_error(answers(), "a")
    medians = [axes.lines[1].get_xdata()[0] for axes in figure.axes]
    assert medians == pytest.approx([-2, 0, 1], abs=0.25)  # 60 draws of 0.5 mm
    assert figure.axes[0].get_legend().get_texts()[0].get_text().startswith("median −")


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
