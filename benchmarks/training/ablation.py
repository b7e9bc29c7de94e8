"""The paper's Table 3 with small budgets: each variant of the network trained for the same few steps, and validated alike.

    PYTHONPATH=apps/lesion_tracker python benchmarks/training/ablation.py --data prepared [--rows full no_anatomy …]

Rows that are not asked for keep what an earlier call measured; rows that were never trained are named as missing.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from lesion_tracker.training.run.run import train
from lesion_tracker.training.run.settings import read_settings

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("K_g, learned flattening, φ multiplied, n = 4", {}),
    "no_global_kernel": ("without K_g", {"global_kernel": None}),
    "no_anatomy": ("without the anatomy signal encoder", {"anatomy": False}),
    "middle": ("middle slices of K_g instead of learned flattening", {"flattening": "middle"}),
    "n_2": ("anatomy signal of 2 radii", {"heat_map_n": 2.0}),
    "n_8": ("anatomy signal of 8 radii", {"heat_map_n": 8.0}),
    "concatenate": ("φ concatenated instead of multiplied", {"fusion": "concatenate"}),
}
CONFIG = Path(__file__).resolve().parents[2] / "apps" / "lesion_tracker" / "model" / "train.toml"
PAGE = Path(__file__).with_name("ABLATION.md")


def train_row(name: str, data: Path, out: Path, steps: int) -> None:
    """Train one variant from random weights, or go on with it; its card holds the validation."""
    settings = read_settings(CONFIG, data, out / name)
    network = replace(settings.network, **ROWS[name][1])
    optimiser = settings.optimiser.model_copy(update={"steps": steps})
    run = settings.run.model_copy(update={"threads": 1, "picture_every": 0, "checkpoint_seconds": 60.0})
    train(settings.model_copy(update={"network": network, "optimiser": optimiser, "run": run}), "ablation.py")


def page(out: Path, steps: int) -> str:
    """Return the table of all rows; what was not trained for so many steps is named."""
    text = [
        "# Ablation",
        "",
        f"`python benchmarks/training/ablation.py --data prepared --steps {steps}`: each variant of the published size "
        f"trained from random weights for {steps} steps with the settings of `model/train.toml`, the same examples in the "
        "same order, then validated by the product's own search on 24 constructed pairs of the two validation volumes. "
        "So short a training orders rows only roughly; one seed, no interval.",
        "",
        "| row | CPM@10mm | MED mm | median mm | hard part, CPM@10mm |",
        "|---|---|---|---|---|",
    ]
    for name, (title, _) in ROWS.items():
        card = out / name / "model" / "card.json"
        found = json.loads(card.read_text()) if card.exists() else {}
        if found.get("steps") != steps:
            text.append(f"| {title} | not trained | | | |")
            continue
        scores, hard = found["validation"]["all"], found["validation"]["hard"]
        hard_text = f"{100 * hard['cpm_at_10mm']:.1f} % (n = {hard['n']})" if hard else "–"
        text.append(
            f"| {title} | {100 * scores['cpm_at_10mm']:.1f} % (n = {scores['n']}) | {scores['med_mm']:.2f} | "
            f"{scores['median_mm']:.2f} | {hard_text} |"
        )
    return "\n".join([*text, ""])


def main() -> int:
    """Train the rows that were asked for, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="what `main.py prepare` wrote")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="folder of the runs")
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    for name in args.rows:
        train_row(name, args.data, args.out, args.steps)
    PAGE.write_text(page(args.out, args.steps))
    sys.stdout.write(PAGE.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
