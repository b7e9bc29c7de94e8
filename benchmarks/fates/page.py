"""The records of all pairs to the page with its table."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import binomtest

HEAD = """# What became of a lesion: what is suggested, rightly and wrongly

`{command}` wrote this page and `results.json` beside it: {pairs} constructed pairs in {volumes}, which no weights and no
fit has seen (two rules of the tracker were changed after answers on them had been seen: [MISSED.md](../accuracy/MISSED.md));
the limits of "gone?" and "split?" were chosen on two pairs in `abdomen_cptac_00189` and `acrin_nsclc_042`.
Weights `{weights}`, code `{code}`, seed {seed}; {seconds:.0f} s a pair on the median, by the clock of a busy machine.

Bodies of `benchmarks/constructed/bodies.py` are drawn into both scans of pairs that are deformed and scanned like those of
`benchmarks.accuracy`. Each lesion is clicked up to a quarter of its radius beside its middle; its radius is measured. Then
the whole way of the product: `auto` from the baseline, and backwards for what is marked in the follow-up alone; outlines in
the follow-up; the suggestions of the page *Response*. Intervals are Wilson's, 95 %; lesions of one pair are taken for
independent. A lesion counts as visible if its contrast (median within, against its rim) is at least 20 HU and twice the
noise of its scan, in each scan that has it: fixed before anything was measured.

| suggestion | of what | suggested | right? |
|---|---|---|---|
"""

PRESENT = ("ordinary", "couple", "merging", "splitting")


def page(records: Sequence[dict[str, Any]], about: dict[str, Any]) -> str:
    """Return the page.

    Args:
        records: of `benchmarks.fates.run`, one a pair.
        about: command, weights, code, seed, volumes.
    """
    seconds = float(np.median([one["seconds"] for one in records]))
    lines = [
        f"| {what} | {of} | {_counted(hits)} | {'yes' if true else 'no'} |\n" for what, of, hits, true in rows(records)
    ]
    return HEAD.format(pairs=len(records), seconds=seconds, **about) + "".join(lines)


def rows(records: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, list[bool], bool]]:
    """Give each row: what is suggested, of what, whether it was for each of these, and whether it would be right."""
    of = {kind: _kind(records, kind) for kind in ("vanished", "new", "splitting", "overlooked", *PRESENT)}
    for what, kind, controls in (
        ("gone?", "vanished", PRESENT),
        ("new?", "new", ("overlooked",)),
        ("split?", "splitting", ("ordinary", "couple", "merging")),
    ):
        true = of[kind]
        yield what, f"{kind}, visible", [_has(p, what, one) for p, one in true if one["visible"]], True
        yield what, f"{kind}, too faint", [_has(p, what, one) for p, one in true if not one["visible"]], True
        for control in controls:
            yield what, f"{control}", [_has(p, what, one) for p, one in of[control]], False
    merging, couples = _groups(records, "merging"), _groups(records, "couple")
    yield "merged?", "two that became one, visible", [_merged(p, ids) for p, ids, seen in merging if seen], True
    yield "merged?", "the same, too faint", [_merged(p, ids) for p, ids, seen in merging if not seen], True
    yield "merged?", "two beside each other, apart in both scans", [_merged(p, ids) for p, ids, _ in couples], False
    yield "merged?", "any other two of the follow-up", list(_others(records)), False
    not_found = [_state(p, one["id"]) != "found" for p, one in of["vanished"] if one["visible"]]
    yield "point not `found`", "vanished, visible", not_found, True
    for control in PRESENT:
        yield "point not `found`", control, [_state(p, one["id"]) != "found" for p, one in of[control]], False


def _kind(records: Sequence[dict[str, Any]], kind: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the lesions of a kind with their pairs; what the follow-up did not scan is left out."""
    return [
        (p, one) for p in records for one in p["lesions"] if one["kind"] == kind and _state(p, one["id"]) != "outside"
    ]


def _groups(records: Sequence[dict[str, Any]], kind: str) -> list[tuple[dict[str, Any], set[str], bool]]:
    """Return the pairs of lesions of a kind: the pair of studies, both ids, and whether both are visible."""
    found = []
    for p in records:
        for name in dict.fromkeys(one["group"] for one in p["lesions"] if one["kind"] == kind):
            both = [one for one in p["lesions"] if one["group"] == name]
            found.append((p, {one["id"] for one in both}, all(one["visible"] for one in both)))
    return found


def _has(p: dict[str, Any], what: str, lesion: dict[str, Any]) -> bool:
    return any(one["what"] == what and lesion["id"] in one["lesions"] for one in p["suggested"])


def _merged(p: dict[str, Any], ids: set[str]) -> bool:
    return any(one["what"] == "merged?" and set(one["lesions"]) == ids for one in p["suggested"])


def _others(records: Sequence[dict[str, Any]]) -> Iterator[bool]:
    for p in records:
        for one, other in combinations(p["lesions"], 2):
            if one["group"] != other["group"]:
                yield _merged(p, {one["id"], other["id"]})


def _state(p: dict[str, Any], lesion_id: str) -> str:
    return str(next(one["state"] for one in p["tracks"] if one["id"] == lesion_id))


def _counted(hits: list[bool]) -> str:
    if not hits:
        return "none drawn"
    low, high = binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    return f"{sum(hits)} of {len(hits)}: {100 * np.mean(hits):.0f} % ({100 * low:.0f}–{100 * high:.0f})"
