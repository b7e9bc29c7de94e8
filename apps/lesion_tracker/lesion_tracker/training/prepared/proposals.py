"""A detector's findings as places to train on: {"study": [{"center_mm": [x, y, z], "radius_mm": r}]}, LPS mm."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lesion_tracker.errors import FileFormatError
from lesion_tracker.training.prepared.prepared_study import balls_inside
from lesion_tracker.volumes.grid import Grid


def read_proposals(path: Path, grids: Mapping[str, Grid]) -> dict[str, np.ndarray]:
    """Read the findings of the studies that are trained on.

    Args:
        path: a JSON file; studies that are not in `grids` are passed over.
        grids: of the studies by name.

    Returns:
        By study an array (n, 4): centre (LPS mm) and radius (mm).

    Raises:
        FileFormatError: for a missing file, a wrong entry, a place outside its study, or no finding in any study.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileFormatError(f"data.proposals: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise FileFormatError(f"data.proposals: {path} is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise FileFormatError(f"data.proposals: {path} must be a JSON object of lists by study")
    found = {name: _rows(path, name, content[name], grid) for name, grid in grids.items() if content.get(name)}
    if not found:
        raise FileFormatError(f"data.proposals: {path} has no finding in any of {sorted(grids)}")
    return found


def _rows(path: Path, name: str, entries: object, grid: Grid) -> np.ndarray:
    if not isinstance(entries, list):
        raise FileFormatError(f"data.proposals: {path}: {name!r} must be a list, got {type(entries).__name__}")
    try:
        rows = [[*map(float, entry["center_mm"]), float(entry["radius_mm"])] for entry in entries]
        if any(len(row) != 4 for row in rows):
            raise ValueError("center_mm is not three numbers")
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"data.proposals: {path}: {name!r}: center_mm and radius_mm are needed ({error})"
        ) from None
    return balls_inside(f"data.proposals: {name}", grid, rows)
