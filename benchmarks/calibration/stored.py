"""Collected records as lesions that can be judged again: the same code judges them that answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration.fit import FAILING, Example, examples_of
from lesion_tracker.tracking.confidence import VISIBLE_HU
from lesion_tracker.tracking.look import Looked
from lesion_tracker.tracking.patch import Patch


@dataclass(frozen=True, eq=False)
class Stored:
    """One lesion.

    Args:
        pair: its pair's name.
        made_to_fail: whether that pair was.
        example: candidates, evidence and truth.
        looked: the same as what was seen.
    """

    pair: str
    made_to_fail: bool
    example: Example
    looked: Looked

    @property
    def there(self) -> bool:
        """Whether the lesion is there."""
        return self.example.truth_mm is not None

    @property
    def visible(self) -> bool:
        """Whether it had so much contrast that one can see that it has gone."""
        return self.looked.evidence[0].contrast_hu >= VISIBLE_HU


def file_of(folder: Path, pair: str) -> Path:
    """Return where the patches of a pair are kept."""
    return folder / f"{pair.replace('/', '_')}.npz"


def stored_of(records: Sequence[dict[str, Any]], folder: Path) -> list[Stored]:
    """Return the lesions of collected records.

    Args:
        records: of pairs whose registration did not fail.
        folder: of their patches.
    """
    found = []
    for record in records:
        with np.load(file_of(folder, record["pair"])) as patches:
            for example, lesion in zip(examples_of([record]), record["lesions"], strict=True):
                looked = _looked(example, lesion, patches[lesion["truth"]["id"]])
                found.append(Stored(record["pair"], record["data"] == FAILING, example, looked))
    return found


def _looked(example: Example, lesion: dict[str, Any], cubes: np.ndarray) -> Looked:
    truth = lesion["truth"]
    radius = float(truth["radius_mm"])
    return Looked(
        truth["id"],
        np.array(truth["baseline_mm"]),
        example.candidates,
        example.evidence,
        example.network_mm,
        float(lesion["peak"]),
        lesion["head"],
        Patch(cubes[0], radius),
        lambda number: Patch(cubes[number + 1], radius),
    )
