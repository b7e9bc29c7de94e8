"""The shipped validation inputs: small crops of constructed pairs with their lesions, which new weights must still find."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.whole import write_bytes
from lesion_tracker.network.inputs import hu_source
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.scoring.cpm import hits_at_10mm
from lesion_tracker.tracking.search import search_sources
from lesion_tracker.training.prepared.prepared_pair import PairedLesion
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

FILE_NAME = "inputs.npz"
SCHEMA = 1
STEP_HU = 16
"""HU are stored in steps of this: finer ones are noise, and three times the size."""

LOWEST_HU, HIGHEST_HU = -1024, 2048


@dataclass(frozen=True, eq=False)
class ValidationPair:
    """Two crops with lesions whose places are known in both.

    Args:
        study: the volume that it was constructed from.
        baseline: crop.
        followup: crop.
        lesions: places in both, LPS mm, each with the point that registration is taken to give.
    """

    study: str
    baseline: Volume
    followup: Volume
    lesions: tuple[PairedLesion, ...]


def found_inputs(tracker: Tracker, pairs: Sequence[ValidationPair]) -> list[bool]:
    """Say for each lesion whether the weights find it: within 10 mm and within its radius."""
    found = []
    for pair in pairs:
        for lesion in pair.lesions:
            if lesion.expected_mm is None:
                continue
            answer = search_sources(
                tracker,
                hu_source(pair.baseline),
                (lesion.baseline_mm, lesion.baseline_radius_mm),
                hu_source(pair.followup),
                (lesion.expected_mm, lesion.followup_radius_mm),
            )
            error = np.array([np.linalg.norm(answer.center_mm - lesion.followup_mm)])
            found.append(bool(hits_at_10mm(error, np.array([lesion.followup_radius_mm]))[0]))
    return found


def write_inputs(pairs: Sequence[ValidationPair], path: Path) -> int:
    """Write the inputs as one compressed file of int16; return its bytes."""
    index = {"schema": SCHEMA, "pairs": [_entry(pair) for pair in pairs]}
    arrays = {"index": np.frombuffer(json.dumps(index).encode(), dtype=np.uint8)}
    for number, pair in enumerate(pairs):
        arrays[f"{number}_baseline"] = _stored(pair.baseline)
        arrays[f"{number}_followup"] = _stored(pair.followup)
    memory = io.BytesIO()
    np.savez_compressed(memory, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(memory.getbuffer(), path)
    return memory.getbuffer().nbytes


def read_inputs(path: Path) -> list[ValidationPair]:
    """Read the inputs; none where there is no file.

    Raises:
        FileFormatError: for a torn file or one of another schema.
    """
    if not path.exists():
        return []
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            index = json.loads(bytes(arrays["index"]))
            if index["schema"] != SCHEMA:
                raise FileFormatError(f"{path} is of schema {index['schema']!r}, this version reads {SCHEMA}")
            return [_pair(entry, arrays, number, path) for number, entry in enumerate(index["pairs"])]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{path} holds no validation inputs: {error!r}") from None


def _stored(volume: Volume) -> np.ndarray:
    clipped = np.clip(volume.hu, LOWEST_HU, HIGHEST_HU)
    return np.asarray(np.round(clipped / STEP_HU).astype(np.int16))


def _entry(pair: ValidationPair) -> dict[str, Any]:
    return {
        "study": pair.study,
        "baseline": _place(pair.baseline.grid),
        "followup": _place(pair.followup.grid),
        "lesions": [lesion.to_json() for lesion in pair.lesions],
    }


def _place(grid: Grid) -> dict[str, Any]:
    return {"origin_mm": grid.origin_mm.tolist(), "spacing_mm": grid.spacing_mm.tolist()}


def _pair(entry: dict[str, Any], arrays: Any, number: int, path: Path) -> ValidationPair:
    crops = [_volume(arrays[f"{number}_{name}"], entry[name]) for name in ("baseline", "followup")]
    where = f"{path}: pair {number + 1}"
    lesions = [PairedLesion.from_json(row, f"{where}, lesion {n}") for n, row in enumerate(entry["lesions"], start=1)]
    return ValidationPair(entry["study"], crops[0], crops[1], tuple(lesions))


def _volume(stored: np.ndarray, place: dict[str, Any]) -> Volume:
    nz, ny, nx = stored.shape
    grid = Grid.from_parts((nx, ny, nz), np.array(place["spacing_mm"]), np.array(place["origin_mm"]), np.eye(3))
    return Volume((stored * np.int16(STEP_HU)).astype(np.int16), grid)
