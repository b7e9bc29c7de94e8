"""A table of coordinates as marks: CSV of any spreadsheet, and 3D Slicer's `.csv` and `.fcsv` lists.

id or label     the lesion's name; without it they are numbered
x, y, z         LPS mm, unless a column "frame" or Slicer's head says RAS; also x_mm, y_mm, z_mm
l, p, s         LPS mm
r, a, s         RAS mm
radius          half of the longest diameter, mm; or diameter; an empty cell is estimated from the image
"""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.lesion import Lesion, Marked, Spot

FRAMES = {("x", "y", "z"): "", ("l", "p", "s"): "LPS", ("r", "a", "s"): "RAS"}
"""Columns of coordinates, and the frame that their letters say; `coordX` counts as x."""

IDS = ("id", "lesion_id", "lesion", "label", "name")
SLICER_FRAMES = {"0": "RAS", "1": "LPS", "RAS": "RAS", "LPS": "LPS"}
"""What the head of a .fcsv says for its frame."""


def read_points_csv(path: Path) -> list[Marked]:
    """Read a table of coordinates; columns that mean nothing here are passed over.

    Args:
        path: UTF-8 or Windows' Western encoding; commas, semicolons (numbers may then have decimal commas) or tabs.

    Raises:
        FileFormatError: for a missing file, columns that are no coordinates or several, a cell that is no number (with
            its row), or a frame that is neither LPS nor RAS.
    """
    lines, head = _lines(path)
    if not lines:
        raise FileFormatError(f"{path} has no rows")
    columns = head.get("columns", "").split(",") if "columns" in head else None
    delimiter = "," if columns else _delimiter(lines[0][1])
    names = [
        name.strip().lower().removesuffix("_mm").removeprefix("coord")
        for name in columns or _split(lines[0][1], delimiter)
    ]
    axes = _axes(path, names)
    frame = FRAMES[axes] or SLICER_FRAMES.get(head.get("coordinatesystem", "LPS"), head.get("coordinatesystem", ""))
    marks: list[Marked] = []
    for row, line in lines if columns else lines[1:]:
        cells = dict(zip(names, (cell.strip() for cell in _split(line, delimiter)), strict=False))
        if cells.get("defined") == "0":  # Slicer: a point that was never placed
            continue
        marks.append(_mark(f"{path}, row {row}", cells, axes, cells.get("frame", "").upper() or frame, len(marks) + 1))
    if not marks:
        raise FileFormatError(f"{path} has no rows")
    return marks


def _lines(path: Path) -> tuple[list[tuple[int, str]], dict[str, str]]:
    """Return the lines with their numbers, and what the lines of a .fcsv's head say."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileFormatError(f"there is no file {path}") from None
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    lines, head = [], {}
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.fullmatch(r"#\s*(\w+)\s*=\s*(.*)", line):
            head[match[1].lower()] = match[2].strip()
        elif line.strip() and not line.startswith("#"):
            lines.append((number, line))
    return lines, head


def _delimiter(header: str) -> str:
    return max((",", ";", "\t"), key=header.count)


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=delimiter), [])


def _axes(path: Path, names: list[str]) -> tuple[str, str, str]:
    found = [axes for axes in FRAMES if all(axis in names for axis in axes)]
    if len(found) != 1 or len(set(names)) < len(names):
        raise FileFormatError(
            f"{path}, row 1: the columns are {names}; wanted are the coordinates x, y, z (LPS mm), or l, p, s, or r, a, s, "
            "once, and if known id and radius"
        )
    return found[0]


def _mark(where: str, cells: Mapping[str, str], axes: tuple[str, str, str], frame: str, number: int) -> Marked:
    if frame not in ("LPS", "RAS"):
        raise FileFormatError(f"{where}: its frame is {frame!r}, neither LPS nor RAS")
    x, y, z = (_number(where, axis, cells.get(axis, "")) for axis in axes)
    center = (x, y, z) if frame == "LPS" else (-x, -y, z)
    names = [cells[name] for name in IDS if cells.get(name)]
    mark_id = names[0] if names else f"lesion_{number}"
    try:
        for name, share in (("radius", 1.0), ("diameter", 0.5)):
            if cells.get(name):
                return Lesion(
                    mark_id, center, share * _number(where, name, cells[name]), label=names[-1] if names else ""
                )
        return Spot(mark_id, center, names[-1] if names else "")
    except ValueError as error:
        raise FileFormatError(f"{where}: {error}") from None


def _number(where: str, name: str, text: str) -> float:
    try:
        return float(text if "." in text else text.replace(",", "."))
    except ValueError:
        raise FileFormatError(f"{where}: {name!r} must be a number, got {text!r}") from None
