"""The figures that a model card quotes: a few numbers of the benchmark's results, with the command and the code behind them."""

import json
from pathlib import Path
from typing import Any

from benchmarks.accuracy.store import plain
from lesion_tracker.files.whole import write_text

SETS = {
    "lung4dct": "16 silver points of a 4D CT",
    "acrin_silver": "24 silver points, 64 days apart",
    "acrin_nodes": "3 lymph nodes",
    "constructed": "all lesions on the two final volumes, never trained on",
    "hard": "those of these that moved 15 mm and more against their surroundings",
    "easy": "the others",
}
SCORES = ("n", "cpm_at_10mm", "cpm_at_radius", "med_mm", "median_mm")


def card_figures(found: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """Return what a card says of a full run.

    Args:
        found: the results' figures.
        about: their command and code.
    """
    sets = {name: found.get("all" if name == "constructed" else name, {}) for name in SETS}
    figures = {
        "command": about["command"],
        "code": about["code"],
        "data": SETS,
        **{name: {row: {s: scores[s] for s in SCORES} for row, scores in rows.items()} for name, rows in sets.items()},
        "shifted_clicks": found["shifts"]["auto"],
        "confidence": {
            "placement_there": {key: found["confidence"][key] for key in ("n", "auc", "ece")},
            "all_points": {key: found["confidence"]["all_answers"][key] for key in ("n", "auc", "ece")},
        },
        "not_found": {name: {"n": one["n"], "share": one["not_found"]} for name, one in found["states"].items()},
        "seconds": found["seconds"],
    }
    rounded: dict[str, Any] = json.loads(json.dumps(plain(figures)), parse_float=lambda text: round(float(text), 4))
    return rounded


def write_card(path: Path, entry: str, value: dict[str, Any]) -> None:
    """Put one entry into a card, which appears whole or not at all."""
    card = json.loads(path.read_text())
    card[entry] = plain(value)
    write_text(json.dumps(card, indent=2, allow_nan=False) + "\n", path)
