"""What ITK's NIfTI reader passes over in silence: truncated files, sheared or contradictory matrices."""

import struct
import zlib
from dataclasses import dataclass
from gzip import BadGzipFile
from gzip import open as gzip_open
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from lib.errors import StudyError
from lib.studies.grid import ORTHOGONALITY_TOLERANCE, Grid

HEADER_BYTES = (348, 540)
"""The first integer of a NIfTI-1 or NIfTI-2 file is the length of its header."""

CHUNK_BYTES = 1 << 22
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class NiftiHeader:
    """The fields of a NIfTI header that decide where its voxels lie.

    Args:
        expected_bytes: length of the whole uncompressed file at least.
        qform_code: 0 where the file has no quaternion.
        sform_code: 0 where the file has no matrix.
        lps_from_index: the sform in LPS; meaningless when `sform_code` is 0.
    """

    expected_bytes: int
    qform_code: int
    sform_code: int
    lps_from_index: np.ndarray


def check_nifti(path: Path) -> NiftiHeader:
    """Read a NIfTI file once through and return its header.

    Args:
        path: `.nii` or `.nii.gz`, with or without compression in fact.

    Raises:
        StudyError: for a file that is no NIfTI, is shorter than its header says, is damaged, or has a sheared sform.
    """
    with path.open("rb") as plain:
        zipped = plain.read(2) == b"\x1f\x8b"
    try:
        with cast(BinaryIO, gzip_open(path, "rb")) if zipped else path.open("rb") as stream:
            head = stream.read(max(HEADER_BYTES))
            header = _parse(head)
            length = len(head) + _rest(stream) if zipped else path.stat().st_size
    except (EOFError, zlib.error, BadGzipFile) as error:
        raise StudyError(f"it is truncated or damaged ({error}): was the upload or copy cut off?") from None
    if length < header.expected_bytes:
        raise StudyError(
            f"it is truncated: {length} bytes of data where its header promises {header.expected_bytes}; "
            "was the upload or copy cut off?"
        )
    _refuse_shear(header)
    return header


def _rest(stream: BinaryIO) -> int:
    """Count what is left; reading to the end also checks the checksum."""
    total = 0
    while chunk := stream.read(CHUNK_BYTES):
        total += len(chunk)
    return total


def _parse(head: bytes) -> NiftiHeader:
    for order in "<>":
        if len(head) >= 348 and struct.unpack_from(order + "i", head)[0] in HEADER_BYTES:
            version2 = struct.unpack_from(order + "i", head)[0] == 540
            return _parse_2(head, order) if version2 else _parse_1(head, order)
    raise StudyError(
        "it is not a NIfTI file, whatever its name says: another format renamed, or a file cut off at once?"
    )


def _parse_1(head: bytes, order: str) -> NiftiHeader:
    shape = struct.unpack_from(order + "8h", head, 40)
    bits = struct.unpack_from(order + "h", head, 72)[0]
    offset = struct.unpack_from(order + "f", head, 108)[0]
    qform, sform = struct.unpack_from(order + "2h", head, 252)
    return _header(shape, bits, offset, qform, sform, struct.unpack_from(order + "12f", head, 280))


def _parse_2(head: bytes, order: str) -> NiftiHeader:
    shape = struct.unpack_from(order + "8q", head, 16)
    bits = struct.unpack_from(order + "h", head, 14)[0]
    offset = struct.unpack_from(order + "q", head, 168)[0]
    qform, sform = struct.unpack_from(order + "2i", head, 344)
    return _header(shape, bits, offset, qform, sform, struct.unpack_from(order + "12d", head, 400))


def _header(
    shape: tuple[int, ...], bits: int, offset: float, qform: int, sform: int, rows: tuple[float, ...]
) -> NiftiHeader:
    dimensions = shape[0]
    sizes = shape[1 : 1 + dimensions] if 1 <= dimensions <= 7 else ()
    if not sizes or min(sizes) < 1 or bits < 1 or not np.isfinite(offset):
        raise StudyError(f"its NIfTI header is damaged: dimensions {list(shape)}, {bits} bits a voxel, offset {offset}")
    voxels = 1
    for size in sizes:
        voxels *= int(size)
    matrix = RAS_TO_LPS @ np.vstack([np.reshape(rows, (3, 4)), [0, 0, 0, 1]])
    return NiftiHeader(int(max(offset, 0)) + voxels * bits // 8, qform, sform, matrix)


def _refuse_shear(header: NiftiHeader) -> None:
    """ITK would quietly take the qform instead, which places the voxels somewhere else."""
    if header.sform_code <= 0:
        return
    axes = header.lps_from_index[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(header.lps_from_index).all() or (lengths < 1e-6).any():
        raise StudyError(f"its sform is no usable matrix: {header.lps_from_index[:3].tolist()}")
    cosine = float(np.abs((axes / lengths).T @ (axes / lengths) - np.eye(3)).max())
    if cosine > ORTHOGONALITY_TOLERANCE:
        raise StudyError(
            f"its sform is sheared (cosine {cosine:.3f} between two axes): acquired with gantry tilt, or written by a "
            "registration tool; resample it to an orthogonal grid first"
        )


def orientation_warnings(header: NiftiHeader, grid: Grid) -> tuple[str, ...]:
    """Say what is odd about the orientation of a NIfTI file.

    Args:
        header: of the file.
        grid: as ITK read it.
    """
    if header.sform_code <= 0 and header.qform_code <= 0:
        return (
            "the NIfTI file does not say how it lies in the patient (sform and qform codes are 0): left and right may "
            "be swapped",
        )
    if header.sform_code > 0 and header.qform_code > 0:
        far = np.array([[0, 0, 0, 1], [*(np.array(grid.size) - 1), 1]], dtype=np.float64)
        apart = float(np.linalg.norm((far @ (header.lps_from_index - grid.lps_from_index).T)[:, :3], axis=1).max())
        if apart > 0.1:
            return (f"the NIfTI file's sform and qform disagree by up to {apart:.1f} mm; the qform was used",)
    return ()
