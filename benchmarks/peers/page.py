"""Figures to RESULTS.md: what was to be reached, every row on every set, `auto` against each, the paper's rows, the method."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.peers import published
from benchmarks.peers.figures import CONSTRUCTED, HARD, SUBSET
from benchmarks.peers.goals import goals
from benchmarks.peers.peer import Peer
from lesion_tracker.report.evaluation_table import table

HEAD = ("row", "lesions", "CPM@10mm, %", "CPM@Radius, %", "MED, mm", "x / y / z, mm", "first lesion, s",
        "further lesion, s", "peak memory, GB")  # fmt: skip
TITLES = {
    "lung4dct": "Lung landmarks between inhale and exhale (lung4dct)",
    "acrin_silver": "Silver points between two dates (acrin_silver; uncertain by 1 to 2 mm)",
    "acrin_nodes": "Lymph nodes marked in both studies (acrin_nodes)",
    CONSTRUCTED: "Constructed pairs",
    HARD: "Constructed pairs, hard part: the lesion's region moved 20 to 45 mm against its surroundings",
    SUBSET: "Constructed pairs, the subset that the slow rows are measured on too",
}

MISSED = "What is missed, and what was tried: [peers/MISSED.md](peers/MISSED.md)."


def page(found: Mapping[str, Any], peers: Sequence[Peer], about: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        found: figures by set and row, as `figures` gives them.
        peers: all rows.
        about: command, machine, versions, method, and what was not measured yet.
    """
    parts = [
        "# Peers",
        f"`{about['command']}`; {about['machine']}.",
        *([f"**Not complete.** {about['unmeasured']}"] if about["unmeasured"] else []),
        *_goals(found),
        *(part for name in TITLES for part in _set(found.get(name, {}), name, peers)),
        *_comparison(found["comparison"]),
        "## The paper's own rows, on other data",
        "These are not comparable with anything above: other patients (960 directed pairs of DeepLesion), another machine, "
        "networks trained on marked pairs.",
        table(published.HEAD, [tuple(_text(value) for value in row) for row in published.ROWS]),
        "## The rows",
        table(("row", "what it is"), [(f"`{p.name}`", p.note + (f" – {p.lacking}" if p.lacking else "")) for p in peers]),
        *_failed(found),
        "## How it is measured",
        about["method"],
        ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _goals(found: Mapping[str, Any]) -> list[str]:
    lines = [(what, reach, got, "reached" if ok else "**missed**") for what, reach, got, ok in goals(found)]
    if not lines:
        return []
    missed = [] if all(line[3] == "reached" for line in lines) else [MISSED]
    return [table(("goal", "reach", "measured", "verdict"), lines), *missed]


def _set(rows: Mapping[str, Any], name: str, peers: Sequence[Peer]) -> Iterator[str]:
    """Give one table; a row that cannot be measured stands in that of the constructed pairs, a slow one in the subset's."""
    if not rows:
        return
    lines = []
    for peer in peers:
        if peer.name in rows:
            lines.append((f"`{peer.name}`", *_cells(rows[peer.name])))
        elif peer.lacking and name == (SUBSET if peer.slow else CONSTRUCTED):
            lines.append((f"`{peer.name}`", peer.lacking, *["–"] * (len(HEAD) - 2)))
    yield f"## {TITLES[name]}"
    yield table(HEAD, lines)


def _cells(values: Mapping[str, Any]) -> tuple[str, ...]:
    ends = values["intervals"]
    return (
        f"{values['n']} on {values['pairs']}",
        _with_ends(100 * values["cpm_at_10mm"], ends["cpm_at_10mm"], 100, 1),
        _with_ends(100 * values["cpm_at_radius"], ends["cpm_at_radius"], 100, 1),
        _with_ends(values["med_mm"], ends["med_mm"], 1, 2),
        f"{values['med_x_mm']:.2f} / {values['med_y_mm']:.2f} / {values['med_z_mm']:.2f}",
        _text(values["first_s"], 1),
        _text(values["further_s"], 3),
        _text(values["peak_bytes"] and values["peak_bytes"] / 1e9, 1),
    )


def _with_ends(value: float, ends: Sequence[float] | None, scale: float, digits: int) -> str:
    shown = f"{value:.{digits}f}"
    return shown if ends is None else f"{shown} ({scale * ends[0]:.{digits}f} to {scale * ends[1]:.{digits}f})"


def _text(value: object, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _comparison(rows: Mapping[str, Any]) -> list[str]:
    if not rows:
        return []
    lines = []
    for row, values in rows.items():
        cpm, med = values["scores"]["cpm_at_10mm"], values["scores"]["med_mm"]
        lines.append((
            f"`{row}`",
            str(values["n"]),
            _with_ends(100 * cpm["difference"], cpm["interval"], 100, 1),
            f"{cpm['wins']} : {cpm['losses']}",
            _with_ends(med["difference"], med["interval"], 1, 2),
            f"{med['wins']} : {med['losses']}",
        ))  # fmt: skip
    head = ("`auto` minus", "lesions", "CPM@10mm, points", "hits alone", "MED, mm", "nearer by > 0.5 mm")
    note = (
        "Constructed pairs, lesion by lesion; slow rows on the subset. An interval that holds 0: no difference shown."
    )
    return ["## `auto` against each row", note, table(head, lines)]


def _failed(found: Mapping[str, Any]) -> list[str]:
    whys = {
        (row, pair): why
        for name in TITLES
        for row, values in found.get(name, {}).items()
        for pair, why in values["failed"].items()
    }
    if not whys:
        return []
    note = "A row that gives no answer to a pair answers with the places in the baseline:"
    return [
        "## Failures",
        note,
        table(("row", "pair", "why"), [(f"`{r}`", pair, why) for (r, pair), why in whys.items()]),
    ]
