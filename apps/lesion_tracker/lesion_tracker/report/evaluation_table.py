"""An evaluation as Markdown: scores with their intervals, strata, looser scores, robustness, comparison, responses."""

from collections.abc import Mapping, Sequence
from typing import Any

from lesion_tracker.paper.response import RESPONSES
from lesion_tracker.scoring.looser import LOOSER_NAMES

FRACTIONS = {
    "cpm_at_10mm": "CPM@10mm (error <= 10 mm and <= radius)",
    "cpm_at_radius": "CPM@Radius (error < radius)",
}
OTHER_RULES = "other rules, not the benchmark's score"
DISTANCES = {
    "med_mm": "MED (mean distance)",
    "med_x_mm": "MED along x",
    "med_y_mm": "MED along y",
    "med_z_mm": "MED along z",
}
Row = Sequence[str]


def evaluation_markdown(data: Mapping[str, Any], title: str) -> str:
    """Return the content of scores.json for a reader.

    Args:
        data: as `lesion_tracker.scoring.scores_file.evaluation_json` returns it.
        title: of the page.
    """
    parts = [
        f"# {title}",
        f"{data['n']} lesions of {data['patients'] or 'unknown'} patients; answers: {data['method']}. Intervals are 95 % "
        "by bootstrap over patients; – where there are too few.",
        table(("score", "value", "95 % interval"), _score_rows(data)),
        f"± is the standard deviation. Median distance {data['median_mm']:.2f} mm. Median of the signed error (LPS x, y, "
        f"z): {_triple(data['signed_median_mm'])} mm: far from 0, a bias.",
        *_refused(data.get("refused", [])),
        *_robustness(data.get("robustness")),
        *(part for stratum in data["strata"].values() for part in _stratum(stratum)),
        *_other(data),
        "## Made by",
        *_provenance(data["provenance"]),
    ]
    return "\n\n".join(parts) + "\n"


def comparison_markdown(data: Mapping[str, Any], first: str, second: str, title: str) -> str:
    """Return a comparison of two sets of answers for a reader; `data` as `Comparison.to_json` gives it."""
    rows: list[Row] = []
    other: list[Row] = []
    labels = {**FRACTIONS, "med_mm": DISTANCES["med_mm"], "within_10mm": LOOSER_NAMES["uae_within_10mm"]}
    for name, label in labels.items():
        score, show = data["scores"][name], _mm if name == "med_mm" else _percent
        ends = score["interval"]
        values = show(score["first"]), show(score["second"]), show(score["difference"], sign=True)
        row = (label, *values, _ends(ends, show), f"{score['wins']} : {score['losses']}")
        (other if name == "within_10mm" else rows).append(row)
    head = ("score", "first", "second", "first − second", "95 % interval", "wins : losses of the first")
    return "\n\n".join(
        [
            f"# {title}",
            f"First: {first}. Second: {second}. {data['n']} lesions of {data['patients'] or 'unknown'} patients, paired. "
            "An interval that holds 0 means: no difference shown. A win is a lesion that only the first hits; for MED, "
            "one that the first has nearer by more than 0.5 mm.",
            table(head, rows),
            f"## {OTHER_RULES.capitalize()}",
            table(head, other),
        ]
    )


def response_markdown(rows: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """Return the scores of predicted diameters for a reader (Table 4 of the paper, with recalls)."""
    head = ("diameters from", "MAE mm", "growth accuracy", "response accuracy", "balanced accuracy")
    lines = []
    for name, row in rows.items():
        ends = row["intervals"]
        recalls = [
            _with_ends(row["recall"][k], ends["recall"][k], _percent) if row["recall"][k] is not None else "–"
            for k in RESPONSES
        ]
        lines.append(
            (
                name,
                f"{_with_ends(row['mae_mm'], ends['mae_mm'], _mm)}, sd {row['mae_sd_mm']:.2f}",
                _with_ends(row["growth_accuracy"], ends["growth_accuracy"], _percent),
                _with_ends(row["response_accuracy"], ends["response_accuracy"], _percent),
                _percent(row["balanced_accuracy"]),
                *recalls,
            )
        )
    some = next(iter(rows.values()))
    counts = ", ".join(f"{name} {count}" for name, count in some["count"].items())
    return "\n\n".join(
        [
            f"# {title}",
            f"{some['n']} directed pairs: {counts}. Growth counts a predicted change of the true sign; no change is "
            'wrong, so "always stable" has none. Its response accuracy is what any method has to beat.',
            table((*head, *(f"recall, {name}" for name in RESPONSES)), lines),
        ]
    )


def table(head: Row, rows: Sequence[Row]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _score_rows(data: Mapping[str, Any]) -> Sequence[Row]:
    ends = data["intervals"]
    rows = [(label, _percent(data[name]), _ends(ends[name], _percent)) for name, label in FRACTIONS.items()]
    for name, label in DISTANCES.items():
        deviation = data[name.replace("_mm", "_sd_mm")]
        rows.append((label, f"{data[name]:.2f} ± {deviation:.2f} mm", _ends(ends[name], _mm)))
    return rows


def _stratum(stratum: Mapping[str, Any]) -> list[str]:
    head = (stratum["title"], "lesions", "patients", "CPM@10mm", "CPM@Radius", "MED mm", "median mm")
    rows = [
        (
            name,
            str(group["n"]),
            str(group["patients"] or "?"),
            _with_ends(group["cpm_at_10mm"], group["intervals"]["cpm_at_10mm"], _percent),
            _with_ends(group["cpm_at_radius"], group["intervals"]["cpm_at_radius"], _percent),
            _with_ends(group["med_mm"], group["intervals"]["med_mm"], _mm),
            f"{group['median_mm']:.2f}",
        )
        for name, group in stratum["groups"].items()
    ]
    return [f"## By {stratum['title']}", table(head, rows)]


def _other(data: Mapping[str, Any]) -> list[str]:
    """Return the looser scores; plain 10 mm needs no box and is of all lesions, the others are of those with a box."""
    scores, counted = data.get("other_scores", {}), data.get("other_scores_n", 0)
    rows = []
    for name, label in LOOSER_NAMES.items():
        if name == "uae_within_10mm":
            rows.append((label, _percent(data["within_10mm"]), _ends(data["intervals"]["within_10mm"], _percent)))
        else:
            rows.append((label, _percent(scores[name]) if counted else "–", "–"))
    boxes = (
        "" if counted == data["n"] else f" {data['n'] - counted} of {data['n']} lesions have no box: not counted there."
    )
    note = f"Rules of later papers. They are looser; never set them beside the scores above.{boxes}"
    return [f"## {OTHER_RULES.capitalize()}", note, table(("rule", "value", "95 % interval"), rows)]


def _refused(pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which pairs were refused, and how many lesions are missed for it."""
    if not pairs:
        return []
    rows = [(str(pair["pair"]), str(pair["lesions"]), pair["why"]) for pair in pairs]
    note = "Their lesions are missed: no fraction counts them as found, and the distances are those of the others."
    return ["## Refused", note, table(("pair", "lesions", "why"), rows)]


def _robustness(data: Mapping[str, Any] | None) -> list[str]:
    if data is None:
        return []
    head = ("clicks", "lesions", "CPM@10mm", "CPM@Radius", "MED mm")
    rows = [
        (
            name,
            str(data[key]["n"]),
            *(_percent(data[key][k]) for k in ("cpm_at_10mm", "cpm_at_radius")),
            f"{data[key]['med_mm']:.2f} ± {data[key]['med_sd_mm']:.2f}",
        )
        for key, name in (("original", "original"), ("all", f"original and {data['shifts']} shifted"))
        if key in data
    ]
    if "change" in data:
        change = data["change"]
        shown = (_percent(change[k], sign=True) for k in ("cpm_at_10mm", "cpm_at_radius"))
        rows.append(("change", "", *shown, _mm(change["med_mm"], sign=True)))
    return ["## Robustness (Table 2)", table(head, rows)]


def _provenance(made: Mapping[str, Any]) -> list[str]:
    model = made["model"]
    return [
        f"`{made['command']}`",
        ", ".join(f"{name} {version}" for name, version in made["versions"].items()),
        f"model: {model['name']} (sha256 {model['sha256']})" if model else "no network",
        table(("input", "sha256"), [(name, value) for name, value in made["inputs"].items()]),
    ]


def _percent(value: float, sign: bool = False) -> str:
    return f"{100 * value:+.2f} %" if sign else f"{100 * value:.2f} %"


def _mm(value: float, sign: bool = False) -> str:
    return f"{value:+.2f}" if sign else f"{value:.2f}"


def _ends(ends: Sequence[float] | None, show: Any) -> str:
    return f"{show(ends[0])} to {show(ends[1])}" if ends else "–"


def _with_ends(value: float, ends: Sequence[float] | None, show: Any) -> str:
    return f"{show(value)} ({_ends(ends, show)})" if ends else show(value)


def _triple(values: Sequence[float]) -> str:
    return ", ".join(f"{v:+.2f}" for v in values)
