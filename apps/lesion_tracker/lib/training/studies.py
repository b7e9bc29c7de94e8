"""Prepared studies: what training reads, an int16 array on the network's lattice each, with lesions and structure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from lib.arrays import PointsMm
from lib.errors import FileFormatError
from lib.network.lattice import CELL_VOXELS, crop_grid
from lib.studies.grid import Grid
from lib.studies.resample import resample
from lib.studies.volume import Volume

INDEX_NAME = "prepared.json"
SCHEMA = 1
STRUCTURE_RADIUS_CELLS = 2


@dataclass(frozen=True, eq=False)
class PreparedStudy:
    """One study on the lattice of the network.

    Args:
        name: of the volume.
        volume: int16 HU at 0.8 x 0.8 x 2.0 mm, LPS-aligned.
        structure: standard deviation of HU round each cell, shape of the cells (z, y, x), float32.
        lesions: marked ones, shape (n, 4): x, y, z in LPS mm and the radius in mm.
    """

    name: str
    volume: Volume
    structure: np.ndarray
    lesions: np.ndarray


def prepare_study(name: str, volume: Volume, lesions: Sequence[tuple[Sequence[float], float]]) -> PreparedStudy:
    """Resample a study to the lattice and measure where it has structure.

    Raises:
        FileFormatError: if a lesion lies outside its study.
    """
    low, high = volume.grid.bounds_mm()
    spacing = np.array([0.8, 0.8, 2.0])
    size = np.maximum(((high - low) / spacing).astype(int) + 1, CELL_VOXELS)
    grid = crop_grid(low, (int(size[0]), int(size[1]), int(size[2])))
    hu = np.round(np.clip(resample(volume, grid).hu, -1024, 3071)).astype(np.int16)
    rows = np.array([[*center, radius] for center, radius in lesions], dtype=np.float64).reshape(-1, 4)
    outside = ~grid.contains(rows[:, :3])
    if outside.any():
        raise FileFormatError(f"{name}: the lesion at {rows[outside][0, :3].tolist()} (LPS mm) lies outside its volume")
    return PreparedStudy(name, Volume(hu, grid), measure_structure(hu), rows)


def measure_structure(hu: np.ndarray) -> np.ndarray:
    """Return the standard deviation of HU (clipped to [-1000, 400]) in boxes of 5 x 5 x 5 cells round each cell.

    It is 0 outside of the body and within two cells of the skin: lesions are not drawn on the border to the room's air.
    """
    nz, ny, nx = (n // s for n, s in zip(hu.shape, CELL_VOXELS[::-1], strict=True))
    z, y, x = CELL_VOXELS[::-1]
    clipped = np.clip(hu[: nz * z, : ny * y, : nx * x], -1000, 400).astype(np.float32)
    cells = clipped.reshape(nz, z, ny, y, nx, x).mean(axis=(1, 3, 5))
    mean, square = _box_mean(cells), _box_mean(cells * cells)
    return np.where(_inside_body(cells), np.sqrt(np.maximum(square - mean * mean, 0)), 0).astype(np.float32)


def _inside_body(cells: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(ndimage.binary_opening(cells > -300, np.ones((1, 3, 3))))
    if not count:
        return np.zeros(cells.shape, dtype=bool)
    largest = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    filled = np.stack([ndimage.binary_fill_holes(level) for level in largest])
    return np.asarray(ndimage.binary_erosion(filled, np.ones((1, 5, 5)), border_value=1))


def _box_mean(cells: np.ndarray) -> np.ndarray:
    width = 2 * STRUCTURE_RADIUS_CELLS + 1
    for axis in range(3):
        padded = np.pad(cells, [(STRUCTURE_RADIUS_CELLS,) * 2 if a == axis else (0, 0) for a in range(3)], mode="edge")
        cells = np.lib.stride_tricks.sliding_window_view(padded, width, axis=axis).mean(axis=-1)
    return cells


def points_with_structure(study: PreparedStudy, points_mm: PointsMm, least_hu: float) -> np.ndarray:
    """Say for each LPS point whether it lies in the study, in tissue or at its border, where HU vary by `least_hu`."""
    index = study.volume.grid.indices_from_lps(points_mm)
    cells = np.floor((index + 0.5) / CELL_VOXELS).astype(int)[:, ::-1]
    inside = ((cells >= 0) & (cells < study.structure.shape)).all(axis=1)
    cells = np.clip(cells, 0, np.array(study.structure.shape) - 1)
    return np.asarray(inside & (study.structure[tuple(cells.T)] >= least_hu))


def write_prepared(folder: Path, studies: Sequence[PreparedStudy], record: dict[str, Any]) -> None:
    """Write the arrays and their index; `record` (origins, registration errors) goes into the index as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for study in studies:
        np.save(folder / f"{study.name}.npy", study.volume.hu)
        np.save(folder / f"{study.name}.structure.npy", study.structure.astype(np.float16))
        entries.append(
            {"name": study.name, "origin_mm": study.volume.grid.origin_mm.tolist(), "lesions": study.lesions.tolist()}
        )
    index = {"schema": SCHEMA, "studies": entries, **record}
    (folder / INDEX_NAME).write_text(json.dumps(index, indent=1))


def read_index(folder: Path) -> dict[str, Any]:
    """Read the index of a prepared folder.

    Raises:
        FileFormatError: if there is none, or it is of another schema.
    """
    path = folder / INDEX_NAME
    if not path.is_file():
        raise FileFormatError(
            f"{folder} holds no prepared studies ({INDEX_NAME} is missing): run `main.py prepare` first"
        )
    index: dict[str, Any] = json.loads(path.read_text())
    if index.get("schema") != SCHEMA or not index.get("studies"):
        raise FileFormatError(
            f"{path}: schema {index.get('schema')!r} with {len(index.get('studies', []))} studies; prepare again"
        )
    return index


def read_prepared(folder: Path, names: Sequence[str] | None = None) -> list[PreparedStudy]:
    """Map the prepared studies into memory; arrays are read when they are touched.

    Args:
        folder: what `write_prepared` wrote.
        names: which; default all.

    Raises:
        FileFormatError: for a missing file, an unknown name or an array that is no int16 volume.
    """
    entries = {entry["name"]: entry for entry in read_index(folder)["studies"]}
    studies = []
    for name in names if names is not None else entries:
        if name not in entries:
            raise FileFormatError(f"{folder} holds no prepared study {name!r}, only {sorted(entries)}")
        studies.append(_read_study(folder, entries[name]))
    return studies


def _read_study(folder: Path, entry: dict[str, Any]) -> PreparedStudy:
    try:
        hu = np.load(folder / f"{entry['name']}.npy", mmap_mode="r")
        structure = np.load(folder / f"{entry['name']}.structure.npy").astype(np.float32)
    except (OSError, ValueError) as error:
        raise FileFormatError(f"prepared study {entry['name']!r} in {folder} cannot be read: {error}") from None
    if hu.ndim != 3 or hu.dtype != np.int16:
        raise FileFormatError(
            f"prepared study {entry['name']!r} is {hu.dtype} of shape {hu.shape}, not an int16 volume"
        )
    grid: Grid = crop_grid(np.array(entry["origin_mm"]), (hu.shape[2], hu.shape[1], hu.shape[0]))
    return PreparedStudy(entry["name"], Volume(hu, grid), structure, np.array(entry["lesions"]).reshape(-1, 4))
