"""The page of figures for people: what was to be reached, what was measured, met or missed."""

from collections.abc import Iterator
from typing import Any

Line = tuple[str, str, str, bool | None]
"""What, reach, measured, met."""


def lines(found: dict[str, Any]) -> Iterator[Line]:
    """Give the lines of the table for what was measured."""
    yield from _real(found)
    if "all" in found:
        yield from _constructed(found)
        yield from _states(found)
        yield from _seconds(found)


def _real(found: dict[str, Any]) -> Iterator[Line]:
    for data, auto, dlt in (("lung4dct", 0.8, 1.5), ("acrin_silver", 1.8, 2.2)):
        for row, limit in (("auto", auto), ("dlt", dlt)):
            if found.get(data):
                med = found[data][row]["med_mm"]
                median = found[data][row]["median_mm"]
                yield f"{data}, MED, `{row}`", f"≤ {limit} mm", f"{med:.2f} mm (median {median:.2f})", med <= limit
    if found.get("acrin_nodes"):
        nodes = found["acrin_nodes"]["auto"]
        hits = round(nodes["within_10mm"] * nodes["n"])
        yield "acrin_nodes, within 10 mm", "≥ 2 of 3", f"{hits} of {nodes['n']}", hits >= 2
        wrong = len(nodes["found_beyond_10mm"])
        yield "acrin_nodes, `found` with more than 10 mm", "0", str(wrong), wrong == 0


def _constructed(found: dict[str, Any]) -> Iterator[Line]:
    auto, prior = found["all"]["auto"], found["all"]["deformable"]
    name = f"constructed, {auto['n']} lesions"
    cpm = auto["cpm_at_10mm"]
    yield f"{name}, CPM@10mm", "≥ 90 %", _with(cpm, auto["cpm_at_10mm_interval"]), cpm >= 0.9
    yield f"{name}, CPM@Radius", "≥ 93 %", _percent(auto["cpm_at_radius"]), auto["cpm_at_radius"] >= 0.93
    low, high = auto["med_interval"]
    yield f"{name}, MED", "≤ 2.5 mm", f"{auto['med_mm']:.2f} mm ({low:.2f}–{high:.2f})", auto["med_mm"] <= 2.5
    worst = max(abs(v) for v in auto["signed_median_mm"])
    signed = ", ".join(f"{v:+.2f}" for v in auto["signed_median_mm"])
    yield "signed error, median, x, y, z", "≤ 0.2 mm", f"{signed} mm", worst <= 0.2
    if "hard" in found and "auto" in found["hard"]:
        hard, beside = found["hard"]["auto"], found["hard"]["deformable"]
        text = (
            f"{_with(hard['cpm_at_10mm'], hard['cpm_at_10mm_interval'])}; deformable {_percent(beside['cpm_at_10mm'])}"
        )
        yield f"hard part ({hard['n']}), CPM@10mm", "≥ 75 %", text, hard["cpm_at_10mm"] >= 0.75
    easy, prior = found["easy"]["auto"], found["easy"]["deformable"]
    drop, more = prior["cpm_at_10mm"] - easy["cpm_at_10mm"], easy["med_mm"] - prior["med_mm"]
    text = f"{_percent(easy['cpm_at_10mm'])}; deformable {_percent(prior['cpm_at_10mm'])}"
    yield f"easy part ({easy['n']}), CPM@10mm", "≥ deformable − 1 point", text, drop <= 0.01 + 1e-9
    text = f"{easy['med_mm']:.2f} mm; deformable {prior['med_mm']:.2f} mm"
    yield "easy part, MED", "≤ deformable + 0.2 mm", text, more <= 0.2
    if "auto" in found["shifts"]:
        shift = found["shifts"]["auto"]
        text = f"{100 * shift['drop']:.1f} points ({shift['lesions']} lesions, {shift['clicks']} clicks)"
        yield "clicks shifted by ≤ 0.25 r, drop of CPM@10mm", "≤ 3.6 points", text, shift["drop"] <= 0.036


def _states(found: dict[str, Any]) -> Iterator[Line]:
    confidence, states = found["confidence"], found["states"]
    if confidence:
        yield from _reliability("placement", "lesions that are there", confidence)
        yield from _reliability("confidence", "all points, those for vanished lesions too", confidence["all_answers"])
        if "shown" in confidence:
            yield from _reliability("confidence", "lesions that are there", confidence["shown"])
        if "within" in confidence:
            within = confidence["within"]
            shown = f"{_with(within['share'], within['interval'])}, n = {within['n']}"
            yield "there: within the distance said to hold for 90 %", "87–93 %", shown, 0.87 <= within["share"] <= 0.93
    for name, text, limit in (("gone", "vanished or outside: not `found`", 0.8), ("wrong", "wrong: not `found`", 0.7)):
        if name in states:
            share = states[name]["not_found"]
            shown = f"{_with(share, states[name]['interval'])}, n = {states[name]['n']}"
            yield text, f"≥ {100 * limit:.0f} %", shown, share >= limit
    if "right" in states:
        share = states["right"]["not_found"]
        yield "right: flagged all the same", "≤ 5 %", _with(share, states["right"]["interval"]), share <= 0.05


def _reliability(what: str, whom: str, of: dict[str, Any]) -> Iterator[Line]:
    """Give how well a probability tells right from wrong, of one group of answers."""
    low, high = of["auc_interval"]
    yield f"{what}, AUC: {whom} ({of['n']})", "≥ 0.90", f"{of['auc']:.3f} ({low:.3f}–{high:.3f})", of["auc"] >= 0.9
    low, high = of["ece_interval"]
    shown = f"{of['ece']:.3f} ({low:.3f}–{high:.3f}); said {_percent(of['mean_confidence'])}, is {_percent(of['share_right'])}"
    yield f"expected calibration error of {what}, 10 bins: {whom}", "≤ 0.06", shown, of["ece"] <= 0.06


def _seconds(found: dict[str, Any]) -> Iterator[Line]:
    for row, limit in (("dlt", 3.0), ("auto", 10.0)):
        if row in found["seconds"]:
            spent = found["seconds"][row]
            yield (
                f"first lesion, chest, `{row}`",
                f"≤ {limit:.0f} s",
                f"{spent['first']:.1f} s",
                spent["first"] <= limit,
            )
            yield f"each further lesion, `{row}`", "≤ 0.3 s", f"{spent['further']:.2f} s", spent["further"] <= 0.3


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _with(share: float, interval: list[float]) -> str:
    return f"{_percent(share)} ({100 * interval[0]:.0f}–{100 * interval[1]:.0f})"


def markdown(found: dict[str, Any], about: dict[str, Any]) -> str:
    """Return the page: the lines, then every row on every data set, then how it was measured."""
    verdict = {True: "met", False: "**missed**", None: ""}
    text = ["# Accuracy", "", f"`{about['command']}`, weights {about['weights'][:12]}, code {about['code']}.", ""]
    text += ["| figure | reach | measured | |", "|---|---|---|---|"]
    text += [f"| {what} | {reach} | {measured} | {verdict[met]} |" for what, reach, measured, met in lines(found)]
    text += [
        "",
        "What is missed, what was tried, and what comes next: [MISSED.md](MISSED.md).",
        "",
        "## All rows",
        "",
        *_rows(found),
        *_changes(found),
        "",
        "## How it is measured",
        "",
        about["method"],
        "",
    ]
    return "\n".join(text)


def _rows(found: dict[str, Any]) -> Iterator[str]:
    yield "| data | n | row | CPM@10mm | CPM@Radius | within 10 mm | MED mm | median mm | x / y / z mm |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for data in ("lung4dct", "acrin_silver", "acrin_nodes", "all", "hard", "easy", "structures", "implants"):
        name = data if data in ("lung4dct", "acrin_silver", "acrin_nodes") else f"constructed: {data}"
        for row, s in found.get(data, {}).items():
            cpm = f"{100 * s['cpm_at_10mm']:.1f} | {100 * s['cpm_at_radius']:.1f} | {100 * s['within_10mm']:.1f}"
            med = f"{s['med_mm']:.2f} ± {s['med_sd_mm']:.2f} | {s['median_mm']:.2f}"
            axes = f"{s['med_x_mm']:.2f} / {s['med_y_mm']:.2f} / {s['med_z_mm']:.2f}"
            yield f"| {name} | {s['n']} | {row} | {cpm} | {med} | {axes} |"


def _changes(found: dict[str, Any]) -> Iterator[str]:
    if not found.get("changes"):
        return
    yield from (
        "",
        "`auto` by what changed in the lesion:",
        "",
        "| change | n | CPM@10mm | MED mm |",
        "|---|---|---|---|",
    )
    for change, s in found["changes"].items():
        yield f"| {change} | {s['n']} | {100 * s['cpm_at_10mm']:.1f} | {s['med_mm']:.2f} |"
