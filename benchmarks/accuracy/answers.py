"""Raw records to one flat list of answers, which all figures are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lesion_tracker.scoring.cpm import hits_at_10mm


@dataclass(frozen=True)
class Answer:
    """What one row says about one lesion.

    Args:
        pair: its pair.
        volume: the study that the pair comes from.
        truth: the lesion's record.
        difference_mm: answer minus truth.
        error_mm: its length.
        right: whether the lesion is there and the error is at most its radius and at most 10 mm.
        confidence: in [0, 1].
        state: found, uncertain or outside.
        placement: probability that it is right if the lesion is there; `confidence` of weights without a judgement.
        radius_90_mm: within which the lesion lies with 90 %, if it is there; None where that was not judged.
    """

    pair: str
    volume: str
    truth: dict[str, Any]
    difference_mm: np.ndarray
    error_mm: float
    right: bool
    confidence: float
    state: str
    placement: float
    radius_90_mm: float | None = None


def answers_of(records: Sequence[dict[str, Any]], row: str, data: str) -> list[Answer]:
    """Return the answers of one row on one data set."""
    said = [
        (record, truth, answer)
        for record in records
        if record["data"] == data
        for truth, answer in zip(record["truth"], record["rows"][row], strict=True)
    ]
    if not said:
        return []
    difference = np.array([answer["center_mm"] for _, _, answer in said], dtype=np.float64)
    difference -= np.array([truth["followup_mm"] for _, truth, _ in said])
    error = np.linalg.norm(difference, axis=1)
    hits = hits_at_10mm(error, np.array([truth["followup_radius_mm"] for _, truth, _ in said], dtype=np.float64))
    return [
        Answer(record["pair"], record["volume"], truth, difference[n], float(error[n]), bool(hits[n] and truth["counted"]),
               answer["confidence"], answer["state"], _placement(answer), answer.get("radius_90_mm"))
        for n, (record, truth, answer) in enumerate(said)
    ]  # fmt: skip


def _placement(answer: dict[str, Any]) -> float:
    value = answer.get("placement")
    return float(answer["confidence"] if value is None else value)


Grouped = list[list[list[Answer]]]
"""Answers by base volume and pair."""


def grouped(answers: Sequence[Answer]) -> Grouped:
    """Return answers by base volume and pair."""
    by_volume: dict[str, dict[str, list[Answer]]] = {}
    for answer in answers:
        by_volume.setdefault(answer.volume, {}).setdefault(answer.pair, []).append(answer)
    return [list(pairs.values()) for pairs in by_volume.values()]


def resampled(volumes: Grouped, rng: np.random.Generator) -> list[Answer]:
    """Draw the base volumes with replacement, and for each of them its pairs."""
    drawn: list[Answer] = []
    for v in rng.integers(len(volumes), size=len(volumes)):
        for p in rng.integers(len(volumes[v]), size=len(volumes[v])):
            drawn += volumes[v][p]
    return drawn
