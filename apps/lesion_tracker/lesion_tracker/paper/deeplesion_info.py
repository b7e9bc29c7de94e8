"""DL_info.csv of DeepLesion: which sub-volumes there are, of which slices, with which spacing."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lesion_tracker.errors import FileFormatError
from lesion_tracker.paper.dls_file import dls_entries
from lesion_tracker.paper.dls_names import DlsName, dls_name

FILE, RANGE, SPACING = "File_name", "Slice_range", "Spacing_mm_px_"


@dataclass(frozen=True)
class SubVolume:
    """A sub-volume to write.

    Args:
        name: PATIENT_STUDY_SERIES_START-END.nii.gz.
        spacing_mm: along columns, rows and slices.
    """

    name: str
    spacing_mm: tuple[float, float, float]

    @property
    def parts(self) -> DlsName:
        """What the name says."""
        found = dls_name(self.name)
        if found is None:
            raise ValueError(f"{self.name!r} is no name of a DeepLesion sub-volume")
        return found

    def slice_paths(self, images: Path) -> list[Path]:
        """Return the files of its slices in the folder Images_png, in order."""
        return [images / self.parts.series / f"{number:03d}.png" for number in self.parts.slices]


def read_info(path: Path) -> dict[str, SubVolume]:
    """Read DL_info.csv; lesions on the same slices share a sub-volume.

    Raises:
        FileFormatError: with the row, for a missing column, a wrong cell, or two spacings of one sub-volume.
    """
    found: dict[str, SubVolume] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = {FILE, RANGE, SPACING} - set(rows.fieldnames or [])
            if missing:
                raise FileFormatError(f"{path} lacks the columns {sorted(missing)}: is it DeepLesion's DL_info.csv?")
            for row in rows:
                volume = _volume(f"{path}, row {rows.line_num}", row)
                if found.setdefault(volume.name, volume) != volume:
                    raise FileFormatError(
                        f"{path}, row {rows.line_num}: {volume.name} has spacing {volume.spacing_mm} here and "
                        f"{found[volume.name].spacing_mm} above"
                    )
    except FileNotFoundError:
        raise FileFormatError(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from None
    if not found:
        raise FileFormatError(f"{path} has no rows")
    return found


def wanted_by(info: dict[str, SubVolume], annotations: Iterable[Path]) -> list[SubVolume]:
    """Return the sub-volumes that annotation files name, or all of them without a file.

    Raises:
        FileFormatError: for a name that DL_info.csv does not have, with the file and the entry.
    """
    names: dict[str, None] = {}
    for path in annotations:
        for number, entry in dls_entries(path):
            for side in ("source", "target"):
                name = entry.get(side)
                if not isinstance(name, str) or name not in info:
                    raise FileFormatError(
                        f"{path}: entry {number!r}: {side!r} is {name!r}, which DL_info.csv does not have"
                    )
                names[name] = None
    return [info[name] for name in (names or sorted(info))]


def _volume(where: str, row: dict[str, str]) -> SubVolume:
    series = re.fullmatch(r"(\d+_\d+_\d+)_\d+\.png", (row[FILE] or "").strip())
    if not series:
        raise FileFormatError(f"{where}: {FILE} must be like 000001_01_01_109.png, got {row[FILE]!r}")
    first, last = _whole(where, row, RANGE)
    spacing_mm = _numbers(where, row, SPACING, 3)
    if first < 0 or last < first or min(spacing_mm) <= 0:
        raise FileFormatError(f"{where}: slices {first} to {last} with spacing {spacing_mm} mm cannot be")
    x, y, z = spacing_mm
    return SubVolume(f"{series[1]}_{first:03d}-{last:03d}.nii.gz", (x, y, z))


def _whole(where: str, row: dict[str, str], column: str) -> tuple[int, int]:
    first, last = _numbers(where, row, column, 2)
    if first != int(first) or last != int(last):
        raise FileFormatError(f"{where}: {column} must be whole numbers, got {row[column]!r}")
    return int(first), int(last)


def _numbers(where: str, row: dict[str, str], column: str, count: int) -> list[float]:
    try:
        values = [float(part) for part in (row[column] or "").split(",")]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise FileFormatError(f"{where}: {column} must be {count} numbers, got {row[column]!r}")
    return values
