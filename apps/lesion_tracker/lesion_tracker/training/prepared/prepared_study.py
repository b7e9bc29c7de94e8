"""Prepared studies: what training reads, an int16 array on the network's lattice each, with lesions and structure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, FiniteFloat

from lesion_tracker.arrays import PointsMm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_model import Entry, Triple, checked, read_model
from lesion_tracker.network.lattice import CELL_VOXELS, crop_grid
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

STRUCTURE_HU = 45.0
"""A place counts as structured where HU vary by this much (standard deviation) within 16 x 16 x 20 mm."""

INDEX_NAME = "prepared.json"
SCHEMA = 1
EDGE_MM = 10.0
"""A lesion may lie so far beyond the lattice of its prepared study, which ends up to a voxel before the last slice's centre;
the study itself ends half a slice behind that."""


@dataclass(frozen=True, eq=False)
class Outline:
    """Where one real lesion lies in its study.

    Args:
        first_voxel: of the crop, (i, j, k) in the study's array.
        inside: the crop, (z, y, x), true in the lesion.
    """

    first_voxel: tuple[int, int, int]
    inside: np.ndarray


@dataclass(frozen=True, eq=False)
class PreparedStudy:
    """One study on the lattice of the network.

    Args:
        name: of the volume.
        volume: int16 HU at 0.8 x 0.8 x 2.0 mm, LPS-aligned.
        structure: standard deviation of HU round each cell, shape of the cells (z, y, x), float32.
        lesions: marked ones, shape (n, 4): x, y, z in LPS mm and the radius in mm.
        proposals: of a detector, the same; where there are any, they take the place of drawn points.
        outlines: of real lesions, which training can grow, shrink and remove.
    """

    name: str
    volume: Volume
    structure: np.ndarray
    lesions: np.ndarray
    proposals: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    outlines: tuple[Outline, ...] = ()


def points_with_structure(study: PreparedStudy, points_mm: PointsMm) -> np.ndarray:
    """Say for each LPS point, shape (n, 3), whether it lies in the study, in tissue or at its border, with structure."""
    index = study.volume.grid.indices_from_lps(points_mm)
    cells = np.floor((index + 0.5) / CELL_VOXELS).astype(int)[:, ::-1]
    inside = ((cells >= 0) & (cells < study.structure.shape)).all(axis=1)
    cells = np.clip(cells, 0, np.array(study.structure.shape) - 1)
    return np.asarray(inside & (study.structure[tuple(cells.T)] >= STRUCTURE_HU))


Row = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
Voxel = tuple[int, int, int]


class _StudyEntry(Entry):
    name: str = Field(min_length=1, description="the name of a study")
    origin_mm: Triple
    lesions: list[Annotated[Row, Field(strict=False)]] = Field(description="rows of x, y, z and radius in mm")
    outlines: list[Annotated[Voxel, Field(strict=False)]] = Field([], description="rows of i, j, k of a first voxel")


class _IndexFile(Entry):
    model_config = ConfigDict(extra="ignore")

    studies: list[Any]
    pair_studies: list[Any] = Field([])
    pairs: list[Any] = Field([])
    registration_errors_mm: list[Triple] = Field([], description="rows of three finite numbers")


def read_index(folder: Path) -> dict[str, Any]:
    """Read the index of a prepared folder.

    Raises:
        FileFormatError: if there is none, it is torn, of another schema or empty, or an entry of it is wrong.
    """
    path = folder / INDEX_NAME
    if not path.is_file():
        raise FileFormatError(
            f"{folder} holds no prepared studies ({INDEX_NAME} is missing): run `lesion-tracker prepare` first"
        )
    index = read_model(path, _IndexFile)
    if not index.studies and not index.pairs:
        raise FileFormatError(f"{path} is empty: it names no study and no pair")
    for key in ("studies", "pair_studies"):
        for number, entry in enumerate(getattr(index, key), start=1):
            checked(_StudyEntry, entry, f"{path}: study {number} of {key!r}")
    return index.model_dump()


def read_prepared(folder: Path, names: Sequence[str] | None = None) -> list[PreparedStudy]:
    """Map the prepared studies into memory; arrays are read when they are touched.

    Args:
        folder: what `PreparedWriter` wrote.
        names: which; default all.

    Raises:
        FileFormatError: for a missing file, an unknown name, an array that is no int16 volume, or a lesion outside.
    """
    entries = {entry["name"]: entry for entry in read_index(folder)["studies"]}
    studies = []
    for name in names if names is not None else entries:
        if name not in entries:
            raise FileFormatError(f"{folder} holds no prepared study {name!r}, only {sorted(entries)}")
        studies.append(read_study(folder, entries[name]))
    return studies


def read_study(folder: Path, entry: dict[str, Any]) -> PreparedStudy:
    """Map one entry of the index into memory.

    Raises:
        FileFormatError: as `read_prepared`.
    """
    name = entry["name"]
    try:
        hu = np.load(folder / f"{name}.npy", mmap_mode="r")
        structure = np.load(folder / f"{name}.structure.npy").astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise FileFormatError(f"prepared study {name!r} in {folder} cannot be read: {error}") from None
    if hu.ndim != 3 or hu.dtype != np.int16:
        raise FileFormatError(f"prepared study {name!r} is {hu.dtype} of shape {hu.shape}, not an int16 volume")
    if not np.isfinite(structure).all():
        raise FileFormatError(f"prepared study {name!r}: its structure map holds NaN; prepare again")
    grid: Grid = crop_grid(np.array(entry["origin_mm"]), (hu.shape[2], hu.shape[1], hu.shape[0]))
    outlines = tuple(
        _read_outline(folder, name, hu, n, row) for n, row in enumerate(entry.get("outlines", []), start=1)
    )
    lesions = balls_inside(name, grid, entry["lesions"], EDGE_MM)
    return PreparedStudy(name, Volume(hu, grid), structure, lesions, outlines=outlines)


def outline_file(name: str, number: int) -> str:
    """Return the name of the file of a study's outline, which is counted from 1."""
    return f"{name}.outline_{number}.npy"


def _read_outline(folder: Path, name: str, hu: np.ndarray, number: int, first: Sequence[int]) -> Outline:
    path = folder / outline_file(name, number)
    try:
        inside = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise FileFormatError(f"prepared study {name!r} in {folder} cannot be read: {error}") from None
    last = np.array(first) + inside.shape[::-1]
    if inside.ndim != 3 or inside.dtype != bool or min(first) < 0 or (last > hu.shape[::-1]).any() or not inside.any():
        raise FileFormatError(
            f"{path} is {inside.dtype} of shape {inside.shape} from voxel {list(first)} on, no outline in a study of "
            f"{hu.shape[::-1]} voxels; prepare again"
        )
    return Outline((int(first[0]), int(first[1]), int(first[2])), inside)


def balls_inside(name: str, grid: Grid, rows: Sequence[Sequence[float]], margin_mm: float = 0.0) -> np.ndarray:
    """Return centres and radii as an array (n, 4), LPS mm.

    Args:
        name: of the study, for the message.
        grid: where the study lies.
        rows: x, y, z in LPS mm and the radius in mm.
        margin_mm: how far beyond its outer voxel faces they may lie.

    Raises:
        FileFormatError: if one is not finite, has no radius, or lies outside its study; with the study and the value.
    """
    balls = np.array(rows, dtype=np.float64).reshape(-1, 4)
    for ball in balls:
        if not np.isfinite(ball).all() or ball[3] <= 0:
            raise FileFormatError(f"{name}: {ball.tolist()} is no lesion (x, y, z and radius in mm)")
        if not grid.contains(ball[None, :3], margin_mm)[0]:
            raise FileFormatError(f"{name}: the lesion at {ball[:3].tolist()} (LPS mm) lies outside its volume")
    return balls
