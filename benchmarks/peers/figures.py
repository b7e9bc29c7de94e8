"""Raw records to answers and figures: every row on every set of lesions, through the evaluator of the product."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks.accuracy.cases import REAL
from benchmarks.peers.subset import subset_of
from lesion_tracker.scoring.answers import Answer
from lesion_tracker.scoring.comparison import compare
from lesion_tracker.scoring.summary import intervals_of, scores_of

Records = Sequence[Mapping[str, Any]]
"""Of one row; as `measure` gives them."""
Chosen = Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
"""Which lesions of a record belong to a set."""

CONSTRUCTED, HARD, SUBSET = "constructed", "constructed, hard part", "constructed, subset"


def sets_of(subset: Mapping[str, int]) -> dict[str, Chosen]:
    """Return the sets of lesions by name.

    Args:
        subset: lesions by pair, as `subset_pairs` gives them.
    """

    def real(name: str) -> Chosen:
        return lambda record: record["truth"] if record["data"] == name else []

    def made(record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return record["truth"] if record["data"] == "constructed" else []

    def drawn(record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return subset_of(made(record), record["pair"], subset.get(record["pair"], 0))

    return {
        **{name: real(name) for name in REAL},
        CONSTRUCTED: made,
        HARD: lambda record: [one for one in made(record) if one["hard"]],
        SUBSET: drawn,
    }


def answers_of(records: Records, chosen: Chosen) -> list[Answer]:
    """Return a row's answers to a set of lesions; intervals draw the pairs anew, so a pair stands for a patient."""
    found = []
    for record in records:
        points = {one["id"]: point for one, point in zip(record["truth"], record["points_mm"], strict=True)}
        for one in chosen(record):
            found.append(
                Answer(
                    id=f"{record['pair']}/{one['id']}",
                    difference_mm=np.array(points[one["id"]], dtype=np.float64) - np.array(one["followup_mm"]),
                    radius_mm=float(one["followup_radius_mm"]),
                    patient=record["pair"],
                    direction="forward",
                )
            )
    return found


def figures(
    rows: Mapping[str, Records],
    subset: Mapping[str, int],
    slow: Sequence[str],
    timed: Mapping[str, Records] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return all figures as plain JSON values: by set, then by row.

    Args:
        rows: records by row; a row without any is left out.
        subset: lesions by pair.
        slow: rows that have the subset only.
        timed: records by row whose seconds are shown instead of the rows' own, where there are any on the same data.
    """
    found: dict[str, Any] = {}
    for name, chosen in sets_of(subset).items():
        shown = {row: r for row, r in rows.items() if row not in slow or name not in (CONSTRUCTED, HARD)}
        found[name] = {
            row: _row(records, chosen, timed.get(row, ()))
            for row, records in shown.items()
            if answers_of(records, chosen)
        }
    found["comparison"] = _comparisons(rows, sets_of(subset), slow)
    return found


def _row(records: Records, chosen: Chosen, timed: Records) -> dict[str, Any]:
    answers = answers_of(records, chosen)
    used = [record for record in records if chosen(record)]
    data = {record["data"] for record in used}
    alone = [record["seconds"] for record in timed if record["data"] in data and record["seconds"]]
    seconds = alone or [record["seconds"] for record in used if record["seconds"]]
    further = [one["further"] for one in seconds if one["further"] is not None]
    peaks = [record["peak_bytes"] for record in used if record["peak_bytes"]]
    return {
        **scores_of(answers).to_json(),
        "intervals": intervals_of(answers),
        "pairs": len(used),
        "first_s": float(np.median([one["first"] for one in seconds])) if seconds else None,
        "further_s": float(np.median(further)) if further else None,
        "peak_bytes": max(peaks, default=None),
        "failed": {record["pair"]: record["failed"] for record in used if record["failed"]},
    }


def _comparisons(rows: Mapping[str, Records], sets: Mapping[str, Chosen], slow: Sequence[str]) -> dict[str, Any]:
    """Compare `auto` with every other row, lesion by lesion, on the constructed pairs; slow rows on the subset."""
    found = {}
    for row, records in rows.items():
        chosen = sets[SUBSET if row in slow else CONSTRUCTED]
        first, second = answers_of(rows.get("auto", []), chosen), answers_of(records, chosen)
        if row != "auto" and second and {a.id for a in first} == {a.id for a in second}:
            found[row] = compare(first, second).to_json()
    return found
