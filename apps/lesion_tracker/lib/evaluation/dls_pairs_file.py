"""The lesion pairs of a DLS annotation file: which sub-volumes, where in the patient, how large."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.arrays import PointMm, point_mm
from lib.errors import FileFormatError
from lib.evaluation.dls_file import lps_from_dls
from lib.evaluation.json_file import read_json
from lib.studies.grid import Grid


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
    data = read_json(path)
    if not isinstance(data, dict) or not data or "results" in data:
        raise FileFormatError(f'{path} is no DLS annotation: {{"0001": {{"source": …, "target": …}}, …}} is expected')
    pairs: list[DlsPair] = []
    known: set[frozenset[tuple[str, str]]] = set()
    for name, entry in data.items():
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
    keys = [side, f"{side} center", f"{side} spacing", f"{side} recist diameter"]
    missing = [key for key in keys if key not in entry]
    if missing:
        raise FileFormatError(f"{where} lacks {missing}")
    try:
        spacing = point_mm(entry[keys[2]])
        if not (spacing > 0).all():
            raise ValueError(f"the spacing must be above 0 mm, got {entry[keys[2]]!r}")
        center = lps_from_dls(point_mm(entry[keys[1]]), spacing)
        radius = float(np.max(np.asarray(entry[keys[3]], dtype=np.float64))) / 2 * spacing[0]
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{where}, {side}: {error}") from None
    if not radius > 0 or not isinstance(entry[side], str):
        raise FileFormatError(f"{where}, {side}: the radius is {radius} mm, the file {entry[side]!r}")
    return DlsSide(entry[side], center, float(radius), spacing)
