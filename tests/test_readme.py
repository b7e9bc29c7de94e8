"""The first page: short, with the demo's output and picture, its figures those of the benchmarks."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MOST_WORDS = 1200
ACCURACY = json.loads((ROOT / "benchmarks" / "accuracy" / "results.json").read_text())["figures"]
PEERS = json.loads((ROOT / "benchmarks" / "results.json").read_text())["figures"]


def test_it_is_short() -> None:
    assert len(README.split()) <= MOST_WORDS


def test_it_says_what_it_must() -> None:
    for text in ("11,410,309", "Apache-2.0", "CC BY 3.0", "not a medical device", "make demo", "make serve"):
        assert text in README
    for text in (
        "Axes and volumes are proposals",
        "does not look for new lesions",
        "suggestion, and [half of those that vanished are not",
    ):
        assert text in README


def test_the_first_screen_has_the_demos_output_and_picture() -> None:
    first = "\n".join(README.splitlines()[:50])
    block = re.search(r"<!-- demo: begin -->\n(.*)<!-- demo: end -->", first, re.DOTALL)
    assert block
    assert "lesion_1" in block[1]
    assert "(docs/demo.png)" in block[1]


def _row(begin: str) -> list[str]:
    """Return the cells of the table row that begins so, without the first one and without emphasis."""
    (line,) = [line for line in README.splitlines() if line.startswith(f"| {begin}")]
    return [cell.strip().strip("*") for cell in line.strip().strip("|").split("|")][1:]


def _head(begin: str) -> list[str]:
    lines = README.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith(f"| {begin}"))
    head = max(n for n in range(place) if lines[n].startswith("|---")) - 1
    return [cell.strip().strip("*") for cell in lines[head].strip().strip("|").split("|")][1:]


@pytest.mark.parametrize(
    ("begin", "data", "score"),
    [
        ("16 points of a 4D CT", "lung4dct", "med_mm"),
        ("24 points, 64 days apart", "acrin_silver", "med_mm"),
        ("3 lymph nodes", "acrin_nodes", "med_mm"),
        ("300 constructed lesions", "all", "cpm_at_10mm"),
        ("of these the 100", "hard", "cpm_at_10mm"),
    ],
)
def test_the_table_of_accuracy_is_that_of_the_benchmark(begin: str, data: str, score: str) -> None:
    rows = [ACCURACY[data][name] for name in ("affine", "deformable", "dlt", "auto")]
    assert str(rows[0]["n"]) in begin
    percent = score.startswith("cpm")
    assert _row(begin) == [f"{100 * row[score]:.1f} %" if percent else f"{row[score]:.2f}" for row in rows]


STATES, CONFIDENCE, SECONDS = ACCURACY["states"], ACCURACY["confidence"], ACCURACY["seconds"]


@pytest.mark.parametrize(
    ("begin", "measured"),
    [
        (
            "lesions that are gone or were not scanned",
            f"{100 * STATES['gone']['not_found']:.1f} %; "
            f"of the gone ones alone {100 * STATES['vanished']['not_found']:.1f} %",
        ),
        (
            "wrong answers",
            f"{100 * STATES['wrong']['not_found']:.1f} % "
            f"({STATES['wrong']['n'] * STATES['wrong']['not_found']:.0f} of {STATES['wrong']['n']})",
        ),
        (
            "placement (right",
            f"{CONFIDENCE['auc']:.3f}; confidence, of all points {CONFIDENCE['all_answers']['auc']:.3f}",
        ),
        (
            "confidence, calibration error",
            f"{CONFIDENCE['all_answers']['ece']:.3f}; placement, if it is there, {CONFIDENCE['ece']:.3f}",
        ),
        ("within the distance", f"{100 * CONFIDENCE['within']['share']:.1f} %: too wide here"),
        ("4D CT, network alone", f"{ACCURACY['lung4dct']['dlt']['med_mm']:.2f} mm"),
        (
            "each further lesion",
            f"{SECONDS['dlt']['further']:.2f} s; `auto` {SECONDS['auto']['further']:.2f} s",
        ),
    ],
)
def test_what_missed_its_aim_is_as_the_benchmark_says(begin: str, measured: str) -> None:
    assert _row(begin)[1] == measured


def test_every_figure_that_missed_its_aim_is_named() -> None:
    results = (ROOT / "benchmarks" / "accuracy" / "RESULTS.md").read_text()
    missed = [line.split("|")[1].strip() for line in results.splitlines() if line.endswith("**missed** |")]
    told = {
        "lung4dct, MED, `dlt`": "4D CT, network alone",
        "placement, AUC: lesions that are there (300)": "placement (right",
        "expected calibration error of placement, 10 bins: lesions that are there": "confidence, calibration error",
        "confidence, AUC: all points, those for vanished lesions too (344)": "placement (right",
        "expected calibration error of confidence, 10 bins: all points, those for vanished lesions too": (
            "confidence, calibration error"
        ),
        "confidence, AUC: lesions that are there (300)": "placement (right",
        "expected calibration error of confidence, 10 bins: lesions that are there": "confidence, calibration error",
        "there: within the distance said to hold for 90 %": "within the distance",
        "vanished or outside: not `found`": "lesions that are gone",
        "wrong: not `found`": "wrong answers",
        "right: flagged all the same": "right answers",
        "each further lesion, `dlt`": "each further lesion",
        "each further lesion, `auto`": "each further lesion",
    }
    assert missed
    for figure in missed:
        assert f"| {told[figure]}" in README


PEER_NAMES = {"B-spline": "bspline", "convexAdam": "convexadam", "SiamRPN++ 3D": "siamrpn++ 3d"}


@pytest.mark.parametrize(
    ("begin", "score", "form"),
    [
        ("CPM@10mm", "cpm_at_10mm", "{:.0%}"),
        ("mean error, mm", "med_mm", "{:.1f}"),
        ("seconds to the first lesion", "first_s", "{:.0f}"),
    ],
)
def test_the_table_of_peers_is_that_of_the_benchmark(begin: str, score: str, form: str) -> None:
    for name, cell in zip(_head(begin), _row(begin), strict=True):
        key = PEER_NAMES.get(name, name.lower())
        figures: dict[str, Any] = PEERS["constructed, subset" if key == "bspline" else "constructed"][key]
        assert cell == form.format(figures[score]).replace("%", " %"), name


def test_what_is_said_of_right_answers_and_of_the_first_lesion_is_as_the_benchmarks_say() -> None:
    told = " ".join(README.split())
    assert f"{100 * STATES['right']['not_found']:.1f} % of the right answers are flagged" in told
    lines = (ROOT / "benchmarks" / "speed" / "RESULTS.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.count("|") == 9]
    auto, ratios = ([float(row[n]) for row in cells if row[2] == way] for way, n in (("auto", 3), ("bspline", 5)))
    times = f"{min(ratios):.0f} to {max(ratios):.0f} times as long"
    assert f"the first lesion takes {min(auto):.1f} to {max(auto):.1f} s, B-spline registration {times}" in told
