"""Raw records to one flat list of answers, which all figures are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.metrics.cpm import hits_at_10mm


@dataclass(frozen=True)
class Answer:
    """What one row says about one lesion.

    Args:
        pair: its pair.
        volume: the study that the pair comes from.
        truth: the lesion's record.
        difference_mm: answer minus truth.
        confidence: in [0, 1].
        state: found, uncertain or outside.
    """

    pair: str
    volume: str
    truth: dict[str, Any]
    difference_mm: np.ndarray
    confidence: float
    state: str

    @property
    def right(self) -> bool:
        """Whether the lesion is there and the error is at most its radius and at most 10 mm."""
        distance, radius = np.array([self.error_mm]), np.array([self.truth["followup_radius_mm"]])
        return bool(self.truth["counted"] and hits_at_10mm(distance, radius)[0])

    @property
    def error_mm(self) -> float:
        """Euclidean distance to the truth."""
        return float(np.linalg.norm(self.difference_mm))


def answers_of(records: Sequence[dict[str, Any]], row: str, data: str) -> list[Answer]:
    """Return the answers of one row on one data set."""
    return [
        Answer(
            record["pair"],
            record["volume"],
            truth,
            np.array(said["center_mm"]) - np.array(truth["followup_mm"]),
            said["confidence"],
            said["state"],
        )
        for record in records
        if record["data"] == data
        for truth, said in zip(record["truth"], record["rows"][row], strict=True)
    ]


def resampled(answers: Sequence[Answer], rng: np.random.Generator) -> list[Answer]:
    """Draw the base volumes with replacement, and for each of them its pairs."""
    by_volume: dict[str, dict[str, list[Answer]]] = {}
    for answer in answers:
        by_volume.setdefault(answer.volume, {}).setdefault(answer.pair, []).append(answer)
    volumes = list(by_volume.values())
    drawn: list[Answer] = []
    for v in rng.integers(len(volumes), size=len(volumes)):
        pairs = list(volumes[v].values())
        for p in rng.integers(len(pairs), size=len(pairs)):
            drawn += pairs[p]
    return drawn
