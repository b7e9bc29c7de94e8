"""What the product's default has to reach beside the other rows, and whether it does."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.peers.figures import CONSTRUCTED, SUBSET

Line = tuple[str, str, str, bool]
"""What, reach, measured, reached."""
FASTER = 6.0
WORSE_MM = 0.2


def goals(found: Mapping[str, Any]) -> Iterator[Line]:
    """Give a line a goal for whose rows there are figures."""
    made, nodes, silver = (_with_auto(found, name) for name in (CONSTRUCTED, "acrin_nodes", "acrin_silver"))
    if len(made) > 1:
        yield _first(made, "cpm_at_10mm", "constructed, CPM@10mm", best=max)
        yield _first(made, "med_mm", "constructed, MED", best=min)
    if len(nodes) > 1:
        yield _first(nodes, "within_10mm", "acrin_nodes, within 10 mm", best=max)
        yield _first(nodes, "med_mm", "acrin_nodes, MED", best=min)
    if "deformable" in silver:
        more = silver["auto"]["med_mm"] - silver["deformable"]["med_mm"]
        reach = f"≤ `deformable` + {WORSE_MM} mm"
        yield "acrin_silver, MED", reach, f"{more:+.2f} mm", more <= WORSE_MM
    yield from _faster(_with_auto(found, SUBSET))


def _with_auto(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the rows that were measured on the same lesions as `auto`; after an unfinished run some were not."""
    rows = found.get(name, {})
    return {row: values for row, values in rows.items() if "auto" in rows and values["n"] == rows["auto"]["n"]}


def _first(rows: Mapping[str, Any], figure: str, what: str, best: Any) -> Line:
    """Compare `auto` with the best of the other rows; on a par counts as first."""
    others = {row: values[figure] for row, values in rows.items() if row != "auto"}
    rival = best(others, key=lambda row: others[row])
    own = rows["auto"][figure]
    show = "{:.2f} mm" if figure.endswith("_mm") and not figure.startswith(("cpm", "within")) else "{:.1%}"
    measured = f"{show.format(own)}; next: `{rival}` {show.format(others[rival])}"
    return what, "`auto` first", measured, best(own, others[rival]) == own


def _faster(rows: Mapping[str, Any]) -> Iterator[Line]:
    times = [rows.get(row, {}).get("first_s") for row in ("auto", "bspline")]
    if all(times):
        factor = times[1] / times[0]
        yield (
            "seconds to the first lesion, against `bspline`",
            f"≥ {FASTER:g} times faster",
            f"{factor:.1f} times",
            (factor >= FASTER),
        )
