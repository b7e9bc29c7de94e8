"""The header of a NIfTI-1 or NIfTI-2 file (nibabel reads its fields): what the voxels are, and where they lie."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.limits import SURPLUS_BYTES
from lesion_tracker.volumes.nifti_place import place
from lesion_tracker.volumes.plausible import extent_warnings, refuse_no_volume

HEADER_BYTES: dict[int, Any] = {348: Nifti1Header, 540: Nifti2Header}
"""The length of a header, which is also its first integer, in either byte order; and who reads it."""

VECTOR_INTENTS = (1005, 1007)
"""Intent codes of files whose fifth axis counts the values of a voxel (symmetric matrix, vector)."""

UNITS = {1: ("metres", 1000.0), 3: ("micrometres", 0.001)}
"""Codes of the units of length that are not mm, each with its mm; 2 is mm, and 0 (unknown) is taken for mm."""


@dataclass(frozen=True)
class NiftiHeader:
    """What a reader needs to know of a NIfTI file.

    Args:
        offset: where the voxels begin in the unpacked file, bytes.
        dtype: of one voxel, with its byte order.
        slope: HU per stored value, 1 where the file does not say.
        intercept: HU of the stored value 0.
        grid: LPS mm.
        warnings: what is odd about it.
    """

    offset: int
    dtype: np.dtype
    slope: float
    intercept: float
    grid: Grid
    warnings: tuple[str, ...]

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all voxels."""
        return int(np.prod(self.grid.size)) * self.dtype.itemsize


def header_bytes(head: bytes) -> int:
    """Return the length of a header.

    Args:
        head: the first bytes of the unpacked file, at least four.

    Raises:
        StudyError: for what is no NIfTI file.
    """
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for order in orders:
        length = int.from_bytes(head[:4], order)
        if len(head) >= 348 and length in HEADER_BYTES:
            return length
    raise StudyError(
        "it is not a NIfTI file, whatever its name says: another format renamed, or a file cut off at once?"
    )


def parse_header(head: bytes) -> NiftiHeader:
    """Return what a header says.

    Args:
        head: exactly the header.

    Raises:
        StudyError: for a damaged header, one whose voxels lie in another file, and what is no volume of plain numbers
            on an orthogonal grid of a plausible extent.
    """
    fields = HEADER_BYTES[len(head)](head, check=False)
    if bytes(fields["magic"])[:2] != b"n+":
        raise StudyError(
            f"it is the header of a pair of files or of Analyze 7.5 (magic {bytes(fields['magic'])!r}): its voxels lie in "
            "another file (.img); save both as one .nii.gz"
        )
    size, dtype = _size(fields), _dtype(fields)
    refuse_no_volume(size, _components(fields, dtype))
    unit, mm = UNITS.get(int(fields["xyzt_units"]) & 7, ("mm", 1.0))
    grid, notes = place(fields, (size[0], size[1], size[2]), mm)
    if unit != "mm":
        notes = (*notes, f"its header says that its lengths are {unit}; they were taken times {mm:g}")
    offset = max(int(fields["vox_offset"]), len(head))
    slope, intercept = _scaling(fields)
    return NiftiHeader(offset, dtype, slope, intercept, grid, (*notes, *extent_warnings(grid, unit)))


def _size(fields: Any) -> list[int]:
    """Return the voxels along all axes; of those behind the third, axes of one voxel do not count."""
    count, *sizes = (int(n) for n in fields["dim"])
    sizes = sizes[:count] if 1 <= count <= 7 else []
    offset = float(fields["vox_offset"])
    if not sizes or min(sizes) < 1 or not 0 <= offset <= SURPLUS_BYTES:
        raise StudyError(f"its NIfTI header is damaged: dimensions {fields['dim'].tolist()}, offset {offset:g}")
    if int(fields["intent_code"]) in VECTOR_INTENTS and len(sizes) == 5:
        del sizes[4]
    while len(sizes) > 3 and sizes[-1] == 1:
        del sizes[-1]
    return sizes


def _dtype(fields: Any) -> np.dtype:
    try:
        return np.dtype(fields.get_data_dtype())
    except HeaderDataError:
        raise StudyError(
            f"its NIfTI header is damaged: {int(fields['datatype'])} is no type of voxels that can be read"
        ) from None


def _components(fields: Any, dtype: np.dtype) -> int:
    if int(fields["intent_code"]) in VECTOR_INTENTS and int(fields["dim"][0]) == 5:
        return int(fields["dim"][5])
    return 2 if dtype.kind == "c" else len(dtype.fields or "1")


def _scaling(fields: Any) -> tuple[float, float]:
    try:
        slope, intercept = fields.get_slope_inter()
    except HeaderDataError:
        raise StudyError(
            f"its slope is {float(fields['scl_slope']):g} and its intercept {float(fields['scl_inter']):g}; no HU can be made "
            "of its voxels"
        ) from None
    return (1.0, 0.0) if slope is None else (float(slope), float(intercept or 0.0))
