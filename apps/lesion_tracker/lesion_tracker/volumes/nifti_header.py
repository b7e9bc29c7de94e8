"""What ITK's NIfTI reader passes over in silence: truncation, NaN, sheared or contradictory matrices."""

import math
import struct
import zlib
from dataclasses import dataclass
from gzip import BadGzipFile, GzipFile
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.grid import ORTHOGONALITY_TOLERANCE, Grid
from lesion_tracker.volumes.hounsfield import NON_FINITE_CAUSE

HEADER_BYTES = 348
"""The length of a NIfTI-1 header; it is also its first integer, in either byte order."""

FLOAT_TYPES = {16: "f4", 64: "f8"}
"""NIfTI's codes of the voxel types that can hold NaN."""

CHUNK_BYTES = 1 << 22
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class NiftiHeader:
    """The fields of a NIfTI header that decide where its voxels lie.

    Args:
        offset: where the voxels begin in the uncompressed file, bytes.
        voxel_bytes: their length.
        float_type: NumPy's name of the voxel type if it can hold NaN, else "".
        qform_code: 0 where the file has no quaternion.
        sform_code: 0 where the file has no matrix.
        lps_from_index: the sform in LPS; meaningless when `sform_code` is 0.
    """

    offset: int
    voxel_bytes: int
    float_type: str
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
        with GzipFile(path) if zipped else path.open("rb") as stream:
            header = _parse(stream.read(HEADER_BYTES))
            bad = _count_non_finite(stream, header)
            length = stream.tell()
    except (EOFError, zlib.error, BadGzipFile) as error:
        raise StudyError(f"it is truncated or damaged ({error}): was the upload or copy cut off?") from None
    if length < header.offset + header.voxel_bytes:
        raise StudyError(
            f"it is truncated: {length} bytes of data where its header promises {header.offset + header.voxel_bytes}; "
            "was the upload or copy cut off?"
        )
    if bad:
        raise StudyError(f"{bad} of its voxels are NaN or infinite: {NON_FINITE_CAUSE}")
    _refuse_shear(header)
    return header


def _count_non_finite(stream: BufferedIOBase, header: NiftiHeader) -> int:
    """ITK would read NaN as 0. Going on to the end of the stream checks its checksum."""
    stream.seek(header.offset)
    bad, left = 0, header.voxel_bytes
    while chunk := stream.read(min(CHUNK_BYTES, left)):
        left -= len(chunk)
        if header.float_type and len(chunk) % 8 == 0:
            bad += int((~np.isfinite(np.frombuffer(chunk, header.float_type))).sum())
    while stream.read(CHUNK_BYTES):
        pass
    return bad


def _parse(head: bytes) -> NiftiHeader:
    for order in "<>":
        length = struct.unpack_from(order + "i", head)[0] if len(head) >= HEADER_BYTES else 0
        if length == HEADER_BYTES:
            return _header(head, order)
        if length == 540:
            raise StudyError("it is a NIfTI-2 file; save it as NIfTI-1 (.nii.gz)")
    raise StudyError(
        "it is not a NIfTI file, whatever its name says: another format renamed, or a file cut off at once?"
    )


def _header(head: bytes, order: str) -> NiftiHeader:
    shape = struct.unpack_from(order + "8h", head, 40)
    kind, bits = struct.unpack_from(order + "2h", head, 70)
    offset = struct.unpack_from(order + "f", head, 108)[0]
    qform_code, sform_code = struct.unpack_from(order + "2h", head, 252)
    sizes = shape[1 : 1 + shape[0]] if 1 <= shape[0] <= 7 else ()
    if not sizes or min(sizes) < 1 or bits < 1 or not 0 <= offset < 2**31:
        raise StudyError(f"its NIfTI header is damaged: dimensions {list(shape)}, {bits} bits a voxel, offset {offset}")
    float_type = order + FLOAT_TYPES[kind] if kind in FLOAT_TYPES else ""
    rows = np.reshape(struct.unpack_from(order + "12f", head, 280), (3, 4))
    matrix = RAS_TO_LPS @ np.vstack([rows, [0, 0, 0, 1]])
    return NiftiHeader(int(offset), math.prod(sizes) * bits // 8, float_type, qform_code, sform_code, matrix)


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
