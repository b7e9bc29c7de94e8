"""Figures to RESULTS.md: what was to be reached, and what the corrections taught."""

from collections.abc import Sequence
from typing import Any

import numpy as np

RESAMPLES = 10_000
SEED = 2026


def interval(change_of: Sequence[Sequence[float]], before: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the 95 % interval of the share by which the mean error is lower; pairs of studies are drawn again.

    Args:
        change_of: after, one list a pair of studies, mm.
        before: the same lesions, mm.
    """
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, len(before), (RESAMPLES, len(before)))
    sums = [np.array([np.sum(one) for one in errors])[drawn].sum(axis=1) for errors in (change_of, before)]
    low, high = np.quantile(1 - sums[0] / sums[1], [0.025, 0.975])
    return float(low), float(high)


def page(found: dict[str, Any]) -> str:
    """Return RESULTS.md."""
    tested, taught = found["tested_on"], found["taught_on"]
    low, high = found["lower_by_interval"]
    before, after = found["before"], found["after"]
    right, wrong = found["right"], found["mislabelled"]
    lines = [
        "# What twenty corrections teach",
        "",
        f"`{found['command']}`, weights {found['weights'][:12]}.",
        "",
        "| figure | reach | measured | |",
        "|---|---|---|---|",
        f"| MED on two base volumes that were in no training, `dlt` | ≥ 25 % lower | {100 * found['lower_by']:.0f} % lower "
        f"({100 * low:.0f} to {100 * high:.0f} %): {before['med_mm']:.2f} mm before, {after['med_mm']:.2f} mm after, "
        f"{tested['lesions']} lesions | {_met(found['lower_by'] >= 0.25)} |",
    ]
    if wrong is not None:
        lines.append(
            f"| the same corrections moved by 15 mm | the gate refuses | {_decision(wrong)} | {_met(not wrong['published'])} |"
        )
    lines += [
        f"| training with the default settings, 20 corrections | ≤ 15 min | {_minutes(right)} | "
        f"{_met(right['processor_seconds'] <= 900)} |",
        "",
        f"The domain is {found['domain']}.{_normal(found['normal'])}",
        "",
        "| | base volumes | pairs | lesions | MED before | after | median before | after | within 10 mm before | after |",
        "|---|---|---|---|---|---|---|---|---|---|",
        _row("tested", tested, before, after),
        *(
            _row(
                name,
                {"base_volumes": [name], "pairs": one["pairs"], "lesions": one["before"]["n"]},
                one["before"],
                one["after"],
            )
            for name, one in found["by_volume"].items()
        ),
        "",
        f"Taught: {taught['corrections']} corrections on {taught['pairs']} pairs of studies of "
        f"{' and '.join(taught['base_volumes'])}; mean error of the corrected tracks {taught['mean_error_mm']:.1f} mm.",
        "",
        "| set | gate | why |",
        "|---|---|---|",
        f"| right | {_decision(right)} | {right['reason']} |",
    ]
    if wrong is not None:
        lines.append(f"| moved by 15 mm, each in a direction of its own | {_decision(wrong)} | {wrong['reason']} |")
    return "\n".join([*lines, "", found["method"], ""])


def _normal(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return (
        " MED of the published weights on the same constructed studies without that scanner: "
        f"{found['med_mm']:.2f} mm ({found['lesions']} lesions)."
    )


def _met(reached: bool) -> str:
    return "met" if reached else "**missed**"


def _decision(outcome: dict[str, Any]) -> str:
    return "published" if outcome["published"] else "kept back"


def _minutes(outcome: dict[str, Any]) -> str:
    seconds = outcome["processor_seconds"]
    return (
        f"{seconds / 60:.1f} min of processors ({outcome['steps']} steps, both studies' preparation and the gate included); "
        f"{outcome['seconds'] / 60:.0f} min on the clock, with what else the machine did"
    )


def _row(name: str, where: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> str:
    cells = [
        name,
        ", ".join(where["base_volumes"]),
        where["pairs"],
        where["lesions"],
        f"{before['med_mm']:.2f} mm",
        f"{after['med_mm']:.2f} mm",
        f"{before['median_mm']:.2f} mm",
        f"{after['median_mm']:.2f} mm",
        f"{100 * before['within_10mm']:.0f} %",
        f"{100 * after['within_10mm']:.0f} %",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
