"""A detector's findings as places to train on: {"study": [{"center_mm": [x, y, z], "radius_mm": r}]}, LPS mm."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import ConfigDict

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json
from lesion_tracker.files.json_model import Entry, Number, Triple, checked
from lesion_tracker.training.prepared.prepared_study import balls_inside
from lesion_tracker.volumes.grid import Grid


class _Finding(Entry):
    model_config = ConfigDict(extra="ignore")

    center_mm: Triple
    radius_mm: Number


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
        content = read_json(path)
    except FileFormatError as error:
        raise FileFormatError(f"data.proposals: {error}") from None
    if not isinstance(content, dict):
        raise FileFormatError(f"data.proposals: {path} must be a JSON object of lists by study")
    found = {name: _rows(path, name, content[name], grid) for name, grid in grids.items() if content.get(name)}
    if not found:
        raise FileFormatError(f"data.proposals: {path} has no finding in any of {sorted(grids)}")
    return found


def _rows(path: Path, name: str, entries: object, grid: Grid) -> np.ndarray:
    if not isinstance(entries, list):
        raise FileFormatError(f"data.proposals: {path}: {name!r} must be a list, got {type(entries).__name__}")
    findings = [
        checked(_Finding, entry, f"data.proposals: {path}: {name!r}: finding {number}")
        for number, entry in enumerate(entries, start=1)
    ]
    rows = [(*finding.center_mm, finding.radius_mm) for finding in findings]
    return balls_inside(f"data.proposals: {name}", grid, rows)
