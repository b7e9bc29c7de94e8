"""The DICOM series that results are written for: its headers, and points of the patient as points of a slice."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from jaxtyping import Float
from numpy import ndarray
from pydicom.dataset import Dataset

from lesion_tracker.arrays import PointsMm
from lesion_tracker.errors import InputError
from lesion_tracker.volumes.dicom_folders import read_headers
from lesion_tracker.volumes.dicom_series import grid_of_headers
from lesion_tracker.volumes.grid import Grid

Pixels = Float[ndarray, "points 2"]
"""(column, row) of a slice as DICOM counts them: (0.5, 0.5) is the centre of the first pixel."""

EMPTY_WHERE_MISSING = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
    *("AccessionNumber", "ReferringPhysicianName"),
)
"""What a DICOM object must have and may leave empty; anonymisers take some of it away."""

IN_SLICE = 0.5 + 1e-3
"""So far from a slice's plane, in slices, a point still belongs to it."""


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """A series of CT slices.

    Args:
        slices: their headers without pixels, in the order of the grid.
        grid: where they lie.
    """

    slices: tuple[Dataset, ...]
    grid: Grid

    def slice_of(self, points_mm: PointsMm) -> int:
        """Return the number of the slice that lies nearest to some points."""
        k = float(self.grid.indices_from_lps(points_mm)[:, 2].mean())
        return int(np.clip(np.rint(k), 0, self.grid.size[2] - 1))

    def pixels_of(self, points_mm: PointsMm, k: int) -> Pixels:
        """Return points of the patient in a slice.

        Raises:
            InputError: for a point that lies outside of the slice.
        """
        index = self.grid.indices_from_lps(points_mm)
        off = np.abs(index[:, 2] - k)
        inside = self.grid.contains(points_mm, margin_mm=1.0)
        if off.max() > IN_SLICE or not inside.all():
            worst = points_mm[int(np.argmax(off * inside + 1e6 * ~inside))]
            raise InputError(
                f"the point ({', '.join(f'{value:.1f}' for value in worst)}) does not lie in slice {k + 1} of this series: "
                "was it measured on another one, or are the slices tilted?"
            )
        return index[:, :2] + 0.5

    def evidence(self, numbers: Iterable[int]) -> list[Dataset]:
        """Return slices as highdicom takes them; it warns, with the name, of a patient whose name has a single part."""
        return [_complete(self.slices[k]) for k in numbers]

    def finish(self, result: Dataset) -> None:
        """Give a result the patient's name as the series has it, and the character set that can write all names."""
        result.PatientName = str(self.slices[0].get("PatientName", ""))
        result.SpecificCharacterSet = "ISO_IR 192"


def _complete(header: Dataset) -> Dataset:
    whole = copy(header)
    for keyword in EMPTY_WHERE_MISSING:
        if keyword not in whole:
            setattr(whole, keyword, "")
    name = str(whole.PatientName)
    whole.PatientName = name if "^" in name or not name else f"{name}^"
    return whole


def read_source(path: Path) -> SourceSeries:
    """Read the headers of a series.

    Args:
        path: as of `lesion_tracker.volumes.dicom_series.read_dicom_series`.

    Raises:
        StudyError: for what is not one gapless, orthogonal CT.
    """
    slices, grid = grid_of_headers(read_headers(path))
    headers = [pydicom.dcmread(one.path, stop_before_pixels=True, force=True) for one in slices]
    return SourceSeries(tuple(headers), grid)
