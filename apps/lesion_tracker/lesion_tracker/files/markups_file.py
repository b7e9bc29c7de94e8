"""3D Slicer's markups (`.mrk.json`) as marks: points, lines along the longest diameter, and regions."""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import shown
from lesion_tracker.records.lesion import Lesion, Marked, Spot

LPS_FROM = {"LPS": np.array([1.0, 1.0, 1.0]), "RAS": np.array([-1.0, -1.0, 1.0])}
"""The factors that take a file's coordinates to LPS."""

Position = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


class _Lenient(BaseModel):
    """What is read of an object; Slicer writes much more (display, locks, descriptions), and other versions other keys."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Point(_Lenient):
    label: str = ""
    position: Position | None = None
    status: str = Field("defined", alias="positionStatus")


class _Markup(_Lenient):
    kind: str = Field(alias="type")
    name: str = ""
    frame: Literal["LPS", "RAS"] = Field("LPS", alias="coordinateSystem")
    units: str | list[str] = Field("mm", alias="coordinateUnits")
    points: list[_Point] = Field(default=[], alias="controlPoints")
    center: Position | None = None
    size: Position | None = None


def marks_from_markups(data: Any, path: Path) -> list[Marked]:
    """Return the marks of a markups file.

    A point of a point list is a mark without a size; the end points of a line are those of a lesion's longest diameter;
    a region is a lesion as long as its longest side. Points that were never placed are passed over.

    Args:
        data: the JSON object.
        path: of the file, for messages.

    Raises:
        FileFormatError: for another frame or unit than LPS or RAS in mm, a kind of markup that is no mark, or none at all.
    """
    marks: list[Marked] = []
    names: dict[str, int] = {}
    for number, entry in enumerate(data["markups"] if isinstance(data["markups"], list) else [], start=1):
        where = f"{path}: markup {number}"
        try:
            markup = _Markup.model_validate(entry)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "it"
            raise FileFormatError(f"{where}: {place} is wrong ({first['msg']}), got {shown(first['input'])}") from None
        try:
            marks += _marks(markup, where, names)
        except ValueError as error:
            raise FileFormatError(f"{where}: {error}") from None
    if not marks:
        raise FileFormatError(f"{path} has no point that was placed")
    return marks


def _marks(markup: _Markup, where: str, names: dict[str, int]) -> list[Marked]:
    if "mm" not in markup.units:
        raise FileFormatError(f"{where}: its units are {markup.units!r}, not mm")
    flip = LPS_FROM[markup.frame]
    placed = [(point.label, np.array(point.position) * flip) for point in markup.points if _is_placed(point)]
    if markup.kind == "Fiducial":
        return [
            Spot(_unique(label or f"lesion_{n}", names), _mm(place)) for n, (label, place) in enumerate(placed, start=1)
        ]
    if markup.kind == "Line" and len(placed) == 2:
        (_, one), (_, other) = placed
        return [Lesion(_unique(markup.name or "line", names), _mm((one + other) / 2), math.dist(one, other) / 2)]
    if markup.kind == "ROI" and markup.center is not None and markup.size is not None:
        return [
            Lesion(_unique(markup.name or "region", names), _mm(np.array(markup.center) * flip), max(markup.size) / 2)
        ]
    raise FileFormatError(
        f"{where}, {markup.name!r}, is a {markup.kind} of {len(placed)} points; a lesion is a point of a point list, a line "
        "along its longest diameter, or a region (ROI)"
    )


def _is_placed(point: _Point) -> bool:
    return point.position is not None and point.status == "defined"


def _unique(name: str, names: dict[str, int]) -> str:
    """Return the name, with a number behind it where an earlier mark has it already."""
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name}-{names[name]}"


def _mm(point: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in point)
    return x, y, z
