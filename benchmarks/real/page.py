"""Records of the pairs to the table: answered, found, right, wrong, wrong but found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.accuracy.measure import ROWS
from lesion_tracker.report.evaluation_table import table
from lesion_tracker.scoring.cpm import hits_at_10mm

Record = dict[str, Any]
HEAD = ("data", "method", "pairs", "refused", "lesions", "answered", "found", "right", "right, flagged", "wrong",
        "**wrong but found**", "error, mm", "seconds")  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What one method said about one lesion.

    Args:
        where: pair and lesion.
        answered: a point was given; not of a refused pair, nor of a lesion that was "outside".
        found: its state.
        error_mm: from the truth; of slabs in the plane of the slice.
        right: at most the lesion's radius and at most 10 mm off.
        confidence: of the answer.
    """

    where: str
    answered: bool
    found: bool
    error_mm: float
    right: bool
    confidence: float

    @property
    def wrong(self) -> bool:
        """Whether there is a point, and it is not right."""
        return self.answered and not self.right


def said(record: Record, method: str) -> list[Said]:
    """Return what a method said about the lesions of a pair."""
    refused = method in record["failed"]
    found = []
    for truth, answer in zip(record["truth"], record["rows"][method], strict=True):
        away = np.array(answer["center_mm"]) - np.array(truth["followup_mm"])
        if truth.get("in_plane"):
            away[2] = 0.0
        error = float(np.linalg.norm(away))
        answered = not refused and answer["state"] != "outside"
        hit = bool(hits_at_10mm(np.array([error]), np.array([float(truth["followup_radius_mm"])]))[0])
        where = f"{record['pair']}: {truth['id']}"
        is_found = answered and answer["state"] == "found"
        found.append(Said(where, answered, is_found, error, answered and hit, float(answer["confidence"])))
    return found


def line(data: str, method: str, records: Sequence[Record]) -> tuple[str, ...]:
    """Return a line of the table."""
    answers = [one for record in records for one in said(record, method)]
    errors = [one.error_mm for one in answers if one.answered]
    seconds = [_seconds(record, method) for record in records if method not in record["failed"]]

    def count(what: list[bool]) -> str:
        return str(sum(what))

    return (
        data,
        method,
        str(len(records)),
        count([method in record["failed"] for record in records]),
        str(len(answers)),
        count([one.answered for one in answers]),
        count([one.found for one in answers]),
        count([one.right for one in answers]),
        count([one.right and not one.found for one in answers]),
        count([one.wrong for one in answers]),
        count([one.wrong and one.found for one in answers]),
        _spread(errors, 2),
        _spread(seconds, 1),
    )


def _seconds(record: Record, method: str) -> float:
    """Return the seconds to a pair's first answer: those of registration, and of the network where it is asked."""
    seconds = record["seconds"]
    alone = {"affine": "dlt", "deformable": "refined"}.get(
        method
    )  # whose registration was the first, and not remembered
    return float(seconds[alone]["registration"] if alone in seconds else seconds[method]["first"])


def _spread(values: Sequence[float], digits: int) -> str:
    if not values:
        return "–"
    return f"{np.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def lines(records: Sequence[Record]) -> Iterator[tuple[str, ...]]:
    """Give the lines of the table: every method on every kind of data, then on all."""
    for data in dict.fromkeys(record["data"] for record in records):
        some = [record for record in records if record["data"] == data]
        yield from (line(data, method, some) for method in ROWS)
    yield from (line("**all**", method, records) for method in ROWS)


def silent(records: Sequence[Record]) -> list[str]:
    """Name the answers that are wrong but found."""
    return [
        f"- `{method}`, {one.where}: {one.error_mm:.1f} mm off, confidence {one.confidence:.2f}"
        for method in ROWS
        for record in records
        for one in said(record, method)
        if one.wrong and one.found
    ]


def markdown(records: Sequence[Record], head: str) -> str:
    """Return the page."""
    refusals = {f"- {r['pair']}: {why}" for r in records for why in r["failed"].values()}
    parts = [
        head,
        table(HEAD, list(lines(records))),
        "## Wrong but found",
        "\n".join(silent(records)) or "None.",
        "## Refused",
        "\n".join(sorted(refusals)) or "None.",
    ]
    return "\n\n".join(parts) + "\n"
