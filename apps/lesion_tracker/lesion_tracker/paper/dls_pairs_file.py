"""The lesion pairs of a DLS annotation file: which sub-volumes, where in the patient, how large."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import shown
from lesion_tracker.paper.dls_file import dls_center, dls_diameter, dls_entries, dls_spacing, lps_from_dls
from lesion_tracker.scoring.answers import FARTHEST_MM
from lesion_tracker.volumes.grid import Grid


@dataclass(frozen=True, eq=False)
class DlsSide:
    """A lesion in one sub-volume.

    Args:
        volume: file name of the NIfTI sub-volume.
        center_mm: LPS mm of the volume as DeepLesion's converter writes it.
        radius_mm: half of the longest RECIST diameter.
        spacing_mm: along columns, rows and slices.
    """

    volume: str
    center_mm: PointMm
    radius_mm: float
    spacing_mm: PointMm


@dataclass(frozen=True, eq=False)
class DlsPair:
    """A lesion marked in two sub-volumes.

    Args:
        id: its number in the file.
        source: one side.
        target: the other.
    """

    id: str
    source: DlsSide
    target: DlsSide


def read_dls_pairs(path: Path) -> list[DlsPair]:
    """Read the annotated pairs; the file lists most of them in both directions, of which the first is taken.

    Raises:
        FileFormatError: for a missing file, no entries, or an entry without the keys or numbers (with its number).
    """
    pairs: list[DlsPair] = []
    known: set[frozenset[tuple[str, str]]] = set()
    for name, entry in dls_entries(path):
        where = f"{path}: entry {name!r}"
        pair = DlsPair(name, dls_side(where, entry, "source"), dls_side(where, entry, "target"))
        key = frozenset((side.volume, str(np.round(side.center_mm, 1))) for side in (pair.source, pair.target))
        if key not in known:
            known.add(key)
            pairs.append(pair)
    return pairs


def require_dls_grid(name: str, grid: Grid) -> None:
    """Refuse a sub-volume that does not lie as DeepLesion's own converter writes it.

    The converter stores (row, column, slice) with the RAS affine [[0, −s, 0], [−s, 0, 0], [0, 0, −s_z]] and no offset:
    in LPS the rows run along +y, the columns along +x, the slices along −z.

    Raises:
        FileFormatError: with what was found.
    """
    wanted = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    if np.abs(grid.direction - wanted).max() > 1e-3 or np.abs(grid.origin_mm).max() > 1e-2:
        raise FileFormatError(
            f"{name} does not lie as DeepLesion's converter writes its sub-volumes: axes {grid.direction.tolist()}, origin "
            f"{grid.origin_mm.tolist()} (LPS mm); a DLS centre has no place in it"
        )


def dls_side(where: str, entry: object, side: str) -> DlsSide:
    """Read one side, "source" or "target", of an entry.

    Args:
        where: file and entry, for the message.
        entry: what the file says.
        side: which.

    Raises:
        FileFormatError: for a missing key, or a value that cannot be.
    """
    if not isinstance(entry, dict):
        raise FileFormatError(f"{where} must be a JSON object, got {type(entry).__name__}")
    if not isinstance(entry.get(side), str) or not entry[side]:
        raise FileFormatError(f"{where}: {side!r} must be the name of a sub-volume, got {shown(entry.get(side))}")
    spacing_mm = dls_spacing(where, entry, side)
    with np.errstate(over="ignore"):
        center_mm = lps_from_dls(dls_center(where, entry, f"{side} center"), spacing_mm)
    if not np.abs(center_mm).max() < FARTHEST_MM:
        raise FileFormatError(
            f"{where}: '{side} center' {shown(entry[f'{side} center'])} lies {np.abs(center_mm).max():.3g} mm from the "
            "first voxel"
        )
    return DlsSide(entry[side], center_mm, dls_diameter(where, entry, side, spacing_mm) / 2, spacing_mm)
