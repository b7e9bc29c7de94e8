"""The records of all clicks to the page with their table."""

from typing import Any

import numpy as np

HEAD = """# Outline and axes from one click

`python -m benchmarks.measurement` wrote this page and `results.json` beside it.

Clicks are drawn evenly from the ball of a quarter of the lesion's radius round its middle, six a lesion; no radius is given.
Masks: six real lung tumours (majority of several outlines; `../shared/data/masks`). Implants: bodies of
`benchmarks/constructed/implants.py`, farthest point 4 to 20 mm from their middle, noise of 3 to 12 HU; drawn into
`chest_lidc_0001` and `abdomen_acrin_001`, which `python -m benchmarks.measurement.fit` has not seen. The fit has seen no real
lesion; the constants of `lesion_tracker/measurement` were chosen by eye on the five `qin_lsc` masks and on implants in other
studies, so that of the masks `chest_lidc_0001` alone took no part in it (it was looked at once).
Dice: voxels of the study within the outline.

| data | figure | reach | is | |
|---|---|---|---|---|
"""

Rows = list[tuple[str, str, str, str, bool | None]]


def page(results: dict[str, Any]) -> str:
    """Return the page.

    Args:
        results: {"clicks": records of `measured`, "growth": records of `grown`}.
    """
    clicks, growth = results["clicks"], results["growth"]
    rows = [*_outlines(clicks), *_flag(clicks), *_growth(growth), *_seconds(clicks)]
    table = "".join(f"| {a} | {b} | {c} | {d} | {_verdict(met)} |\n" for a, b, c, d, met in rows)
    return HEAD + table + "\n## Lesion by lesion\n\n" + _lesions(clicks)


def _verdict(met: bool | None) -> str:
    return "" if met is None else ("reached" if met else "**missed**")


def off(records: list[dict[str, Any]], axis: int = 0) -> np.ndarray:
    """Return by what share the long (0) or short (1) axis of each record is wrong."""
    return np.array([abs(one["found_mm"][axis] / one["true_mm"][axis] - 1) for one in records])


def _of(clicks: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in clicks if one["kind"] == kind]


def _outlines(clicks: list[dict[str, Any]]) -> Rows:
    mask, lung, soft = (_of(clicks, kind) for kind in ("mask", "lung", "soft"))
    within, dice = float((off(mask) <= 0.2).mean()), _median(mask, "dice")
    lung_mm = float(np.mean([abs(one["found_mm"][0] - one["true_mm"][0]) for one in lung]))
    lung_dice, soft_off = _median(lung, "dice"), off(soft)
    far = float((soft_off > 0.3).mean())
    return [
        (f"six masks, {len(mask)} clicks", "long axis within 20 %", "≥ 85 %", f"{100 * within:.0f} %", within >= 0.85),
        ("", "median error of the long / short axis", "", f"{_percent(off(mask))} / {_percent(off(mask, 1))}", None),
        ("", "median Dice", "≥ 0.85", f"{dice:.2f}", dice >= 0.85),
        (f"lung, {len(lung)} clicks", "mean error of the long axis", "≤ 1.5 mm", f"{lung_mm:.2f} mm", lung_mm <= 1.5),
        ("", "median error of the long / short axis", "", f"{_percent(off(lung))} / {_percent(off(lung, 1))}", None),
        ("", "median Dice", "≥ 0.91", f"{lung_dice:.2f}", lung_dice >= 0.91),
        (
            f"soft tissue, {len(soft)} clicks",
            "median error of the long axis",
            "≤ 13 %",
            _percent(soft_off),
            float(np.median(soft_off)) <= 0.13,
        ),
        ("", "long axis more than 30 % off", "≤ 20 %", f"{100 * far:.0f} %", far <= 0.2),
        (
            "",
            "median Dice; error of the short axis",
            "",
            f"{_median(soft, 'dice'):.2f}; {_percent(off(soft, 1))}",
            None,
        ),
    ]


def _flag(clicks: list[dict[str, Any]]) -> Rows:
    wrong = off(clicks) > 0.3
    flagged = np.array([bool(one["check"]) for one in clicks])
    caught, false = int((flagged & wrong).sum()), int((flagged & ~wrong).sum())
    share, alarm = caught / max(1, wrong.sum()), false / max(1, (~wrong).sum())
    rows: Rows = [
        (
            'flag "check me", all clicks',
            "of those more than 30 % off",
            "≥ 80 %",
            f"{caught} of {wrong.sum()} ({100 * share:.0f} %)",
            share >= 0.8,
        ),
        ("", "of the others", "≤ 15 %", f"{false} of {(~wrong).sum()} ({100 * alarm:.0f} %)", alarm <= 0.15),
    ]
    return rows


def _growth(growth: list[dict[str, Any]]) -> Rows:
    helped, alone = (np.abs([one[f"{how}_error_mm"] for one in growth]) for how in ("helped", "alone"))
    far = [100 * float(np.mean([one[f"{how}_off"] > 0.3 for one in growth])) for how in ("helped", "alone")]
    median = float(np.median(helped))
    return [
        (
            f"growth, {len(growth)} pairs",
            "median error of the change of the long axis, the earlier outline as a prior",
            "≤ 2 mm",
            f"{median:.2f} mm",
            median <= 2.0,
        ),
        ("", "without the prior", "", f"{np.median(alone):.2f} mm", None),
        ("", "later long axis more than 30 % off, with / without", "", f"{far[0]:.0f} % / {far[1]:.0f} %", None),
    ]


def _seconds(clicks: list[dict[str, Any]]) -> Rows:
    seconds = np.array([one["seconds"] for one in clicks])
    worst = float(np.quantile(seconds, 0.95))
    text = f"{np.median(seconds):.2f}, 95 % within {worst:.2f}"
    return [("all clicks", "seconds of one core's time a lesion and study", "≤ 0.5", text, worst <= 0.5)]


def _lesions(clicks: list[dict[str, Any]]) -> str:
    head = "| lesion | true long × short, mm | found (median) | clicks > 20 % / > 30 % off | Dice | flagged |"
    lines = [head + "\n|---|---|---|---|---|---|\n"]
    for name in dict.fromkeys(one["name"] for one in clicks):
        own = [one for one in clicks if one["name"] == name]
        true, found = own[0]["true_mm"], np.median([one["found_mm"] for one in own], axis=0)
        wrong = off(own)
        lines.append(
            f"| {name} | {true[0]:.1f} × {true[1]:.1f} | {found[0]:.1f} × {found[1]:.1f} | "
            f"{(wrong > 0.2).sum()} / {(wrong > 0.3).sum()} of {len(own)} | {_median(own, 'dice'):.2f} | "
            f"{sum(bool(one['check']) for one in own)} |\n"
        )
    return "".join(lines)


def _median(records: list[dict[str, Any]], key: str) -> float:
    return float(np.median([one[key] for one in records]))


def _percent(errors: np.ndarray) -> str:
    return f"{100 * float(np.median(errors)):.0f} %"
