"""Where the voxels of a NIfTI file lie: its sform, its quaternion and its pixdim, by the rules of the standard.

    sform_code > 0     the sform places the voxels (method 3 of nifti1.h); what the others say is compared with it
    qform_code > 0     else the quaternion with the lengths of pixdim (method 2)
    neither            pixdim alone (method 1): nobody knows how the patient lies

ITK mixes them: it takes the directions of one and the lengths of another. Here what contradicts is said with both numbers.
"""

from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.grid import ORTHOGONALITY_TOLERANCE, Grid, straight

LPS_FROM_RAS = np.array([-1.0, -1.0, 1.0])
ROUNDING_MM = 0.1
"""Two descriptions of one grid that agree so closely in all its corners differ by rounding."""

AXES = ("columns", "rows", "slices")
UNKNOWN = "the NIfTI file does not say how it lies in the patient (sform and qform codes are 0): left and right may be swapped"


def place(fields: Any, size: tuple[int, int, int], mm: float) -> tuple[Grid, tuple[str, ...]]:
    """Return the grid of a NIfTI file, and what is odd about it.

    Args:
        fields: nibabel's header.
        size: voxels along i, j, k.
        mm: of one unit of length of the file.

    Raises:
        StudyError: for a matrix, a quaternion or lengths that place no orthogonal grid.
    """
    if int(fields["sform_code"]) > 0:
        return _by_sform(fields, size, mm)
    pixdim = _pixdim(fields)
    if not (np.isfinite(pixdim).all() and (pixdim > 0).all()):
        raise StudyError(
            f"its pixdim says that columns, rows and slices lie {pixdim.tolist()} mm apart, and no sform says more: a damaged "
            "header? Set the spacing"
        )
    if int(fields["qform_code"]) > 0:
        return _grid(size, _qform(fields, pixdim), pixdim, mm), ()
    return Grid.from_parts(size, pixdim * mm, np.zeros(3), np.eye(3)), (UNKNOWN,)


def _by_sform(fields: Any, size: tuple[int, int, int], mm: float) -> tuple[Grid, tuple[str, ...]]:
    sform = np.array([fields["srow_x"], fields["srow_y"], fields["srow_z"]], dtype=np.float64)
    lengths = _require_matrix(sform)
    pixdim = _pixdim(fields)
    far = np.abs(lengths - np.abs(pixdim)) * np.array(size) * mm
    notes: tuple[str, ...] = ()
    if not (far <= ROUNDING_MM).all():  # also for NaN
        axis = int(np.argmax(np.where(np.isfinite(far), far, np.inf)))
        said, other = f"{mm * lengths[axis]:g} mm between {AXES[axis]}", f"{mm * pixdim[axis]:g} mm"
        notes = (f"its sform says {said}, its pixdim {other}; the sform was used",)
        pixdim = lengths
    pixdim = np.abs(pixdim)
    grid = _grid(size, sform, pixdim, mm)
    return grid, (*notes, *_against_qform(fields, grid, pixdim, mm))


def _require_matrix(sform: np.ndarray) -> np.ndarray:
    """Return the lengths of a matrix's columns.

    Raises:
        StudyError: for a matrix that is none, or sheared by more than rounding.
    """
    lengths = np.linalg.norm(sform[:, :3], axis=0)
    if not np.isfinite(sform).all() or (lengths < 1e-6).any():
        raise StudyError(f"its sform is no usable matrix: {sform.tolist()}")
    axes = sform[:, :3] / lengths
    cosine = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if cosine > ORTHOGONALITY_TOLERANCE:
        raise StudyError(
            f"its sform is sheared (cosine {cosine:.3f} between two axes): acquired with gantry tilt, or written by a "
            "registration tool; resample it to an orthogonal grid first"
        )
    return np.asarray(lengths)


def _against_qform(fields: Any, grid: Grid, pixdim: np.ndarray, mm: float) -> tuple[str, ...]:
    """Compare the sform's grid with the quaternion's directions and offset, at the sform's lengths."""
    if int(fields["qform_code"]) <= 0:
        return ()
    try:
        other = _grid(grid.size, _qform(fields, pixdim), pixdim, mm)
    except StudyError as error:
        return (f"{error}; the sform was used",)
    far = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(grid.size) - 1.0)
    apart = float(np.linalg.norm(grid.lps_from_indices(far) - other.lps_from_indices(far), axis=1).max())
    if apart <= ROUNDING_MM:
        return ()
    return (
        f"the NIfTI file's sform and qform disagree by up to {apart:.1f} mm; the sform was used (viewers may use the "
        f"other one: sform_code {int(fields['sform_code'])}, qform_code {int(fields['qform_code'])})",
    )


def _qform(fields: Any, lengths: np.ndarray) -> np.ndarray:
    """Return the 3x4 RAS matrix of the quaternion, in the single precision in which NIfTI's library keeps it."""
    copy = fields.copy()
    copy["pixdim"][1:4] = lengths
    copy["pixdim"][0] = -1 if float(fields["pixdim"][0]) < 0 else 1
    try:
        matrix = np.asarray(copy.get_qform(), dtype=np.float64)[:3]
    except (HeaderDataError, ValueError):
        quaternion = [float(fields[f"quatern_{name}"]) for name in "bcd"]
        raise StudyError(f"its quaternion {quaternion} is no rotation: a damaged header?") from None
    return matrix.astype(np.float32).astype(np.float64)


def _pixdim(fields: Any) -> np.ndarray:
    return np.asarray(fields["pixdim"][1:4], dtype=np.float64)


def _grid(size: tuple[int, int, int], ras_from_index: np.ndarray, spacing: np.ndarray, mm: float) -> Grid:
    """Return the grid of a 3x4 matrix (index to RAS) with the given lengths; rounding of its directions is taken out."""
    axes = ras_from_index[:, :3] * LPS_FROM_RAS[:, None]
    direction = axes / np.sqrt((axes * axes).sum(axis=0))
    return Grid.from_parts(size, spacing * mm, ras_from_index[:, 3] * LPS_FROM_RAS * mm, straight(direction))
