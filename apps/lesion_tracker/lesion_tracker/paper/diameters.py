"""Diameters of the benchmark's lesions, true and predicted: what Table 4 of the paper compares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_model import Entry, read_model
from lesion_tracker.paper.dls_file import LARGEST_DIAMETER_MM, dls_diameter, dls_entries, dls_spacing
from lesion_tracker.paper.dls_names import dls_name
from lesion_tracker.paper.response import RESPONSES, growth_hits, response_classes, score_response
from lesion_tracker.scoring.bootstrap import mean_intervals, ratio_intervals


@dataclass(frozen=True)
class DiameterPair:
    """The longest diameter of a lesion in both studies of a directed pair, mm.

    Args:
        id: its number in the file.
        patient: "" where unknown.
        baseline_mm: in the study with the mark.
        followup_mm: in the other.
    """

    id: str
    patient: str
    baseline_mm: float
    followup_mm: float


def read_diameter_pairs(path: Path) -> list[DiameterPair]:
    """Read the true diameters of either form of a DLS file (pixels there, mm here).

    Raises:
        FileFormatError: for a missing or wrong file, with the entry's number and key.
    """
    return [_pair(f"{path}: entry {name!r}", name, entry) for name, entry in dls_entries(path)]


class _DiametersFile(Entry):
    diameters_mm: dict[str, Annotated[float, Field(gt=0, lt=LARGEST_DIAMETER_MM)]] = Field(
        description="a diameter in mm"
    )
    note: Any = None


def read_predicted(path: Path, pairs: Sequence[DiameterPair]) -> np.ndarray:
    """Read predicted diameters, {"schema": 1, "diameters_mm": {"0001": 23.4, …}}, in the order of `pairs`.

    Raises:
        FileFormatError: for a missing or unknown entry, or a value that is no diameter in mm.
    """
    values = read_model(path, _DiametersFile).diameters_mm
    if alone := sorted(values.keys() ^ {pair.id for pair in pairs}):
        raise FileFormatError(
            f"{path} has {len(values)} diameters for {len(pairs)} lesions; entry {alone[0]!r} is in one file only"
        )
    return np.array([values[pair.id] for pair in pairs])


def response_rows(pairs: Sequence[DiameterPair], predicted_mm: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Return the scores of each prediction, of "always stable" and of the true diameters, with their intervals.

    Args:
        pairs: true diameters.
        predicted_mm: by name, in the same order.
    """
    before, after = (np.array([getattr(pair, side) for pair in pairs]) for side in ("baseline_mm", "followup_mm"))
    rows = {**predicted_mm, "always stable": before, "true diameters": after}
    patients = [pair.patient for pair in pairs]
    return {name: _row(before, after, values, patients) for name, values in rows.items()}


def _row(before: np.ndarray, after: np.ndarray, predicted: np.ndarray, patients: Sequence[str]) -> dict[str, Any]:
    true, found = response_classes(before, after), response_classes(before, predicted)
    means = np.stack([np.abs(predicted - after), growth_hits(before, after, predicted), found == true], axis=1)
    of_class = np.stack([true == k for k in range(3)], axis=1).astype(np.float64)
    recalls = ratio_intervals(of_class * (found == true)[:, None], of_class, patients)
    ends = dict(zip(("mae_mm", "growth_accuracy", "response_accuracy"), mean_intervals(means, patients), strict=True))
    return {
        **score_response(before, after, predicted).to_json(),
        "intervals": {**ends, "recall": dict(zip(RESPONSES, recalls, strict=True))},
    }


def _pair(where: str, name: str, entry: dict[str, Any]) -> DiameterPair:
    source = dls_name(str(entry.get("source", "")))
    return DiameterPair(
        name, source.patient if source else "", _diameter(where, entry, "source"), _diameter(where, entry, "target")
    )


def _diameter(where: str, entry: dict[str, Any], side: str) -> float:
    return dls_diameter(where, entry, side, dls_spacing(where, entry, side))
