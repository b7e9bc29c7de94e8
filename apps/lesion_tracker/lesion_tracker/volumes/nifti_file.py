"""A NIfTI file → Volume: opened once, read once; the bytes that were checked are the bytes that are taken.

ITK looks for the voxels by name (beside `X.nii.gz` it prefers `X.nii`), reads NaN as 0 and mixes contradictory headers.
"""

import io
import zlib
from pathlib import Path

import numpy as np

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.gunzip import CHUNK_BYTES, MAGIC, Gunzip, read_to_end
from lesion_tracker.volumes.hounsfield import NON_FINITE_CAUSE, compact_hu, hu_warnings
from lesion_tracker.volumes.limits import MOST_MB, refuse_too_large
from lesion_tracker.volumes.nifti_header import NiftiHeader, header_bytes, parse_header
from lesion_tracker.volumes.volume import Volume

Stream = io.BufferedReader | Gunzip


def read_nifti(path: Path, most_mb: float = MOST_MB) -> Volume:
    """Read a NIfTI-1 or NIfTI-2 file, packed by gzip or not, whatever its ending says.

    Args:
        path: the file.
        most_mb: MiB of voxels that are accepted, as they are stored.

    Raises:
        StudyError: for a file that is no NIfTI, is larger than that, is shorter than its header says, is damaged, has
            voxels that are not finite, or a header that places no orthogonal volume.
    """
    with path.open("rb") as file:
        packed = file.read(len(MAGIC)) == MAGIC
        file.seek(0)
        stream: Stream = Gunzip(file) if packed else file
        try:
            header, stored, left_over = _read(stream, most_mb)
        except (EOFError, zlib.error) as error:
            raise StudyError(f"it is truncated or damaged ({error}): was the upload or copy cut off?") from None
    hu = compact_hu(_scaled(stored, header))
    behind = stream.behind if isinstance(stream, Gunzip) else 0
    return Volume(hu, header.grid, (*header.warnings, *_surplus(left_over, behind), *hu_warnings(hu)))


def _read(stream: Stream, most_mb: float) -> tuple[NiftiHeader, np.ndarray, int]:
    """Return the header, the stored voxels (z, y, x), and how many bytes follow them; reading on checks the checksum."""
    head = _take(stream, 348)
    head += _take(stream, header_bytes(head) - len(head))
    header = parse_header(head)
    refuse_too_large(header.grid.size, header.dtype.itemsize, most_mb)
    _fill(stream, memoryview(bytearray(CHUNK_BYTES)), header.offset - len(head))
    voxels = np.empty(header.voxel_bytes, dtype=np.uint8)
    filled = _fill(stream, voxels.data, len(voxels))
    if filled < len(voxels):
        raise StudyError(
            f"it is truncated: {header.offset + filled} bytes of data where its header promises "
            f"{header.offset + len(voxels)}; was the upload or copy cut off?"
        )
    return header, voxels.view(header.dtype).reshape(header.grid.shape), read_to_end(stream)


def _take(stream: Stream, count: int) -> bytes:
    """Return up to `count` bytes."""
    data = bytearray(count)
    return bytes(data[: _fill(stream, memoryview(data), count)])


def _fill(stream: Stream, target: memoryview, count: int) -> int:
    """Read up to `count` bytes into a buffer, from its start again where it is shorter; return how many there were."""
    filled = 0
    while filled < count:
        start = filled % len(target)
        more = stream.readinto(target[start : start + count - filled])
        if not more:
            break
        filled += more
    return filled


def _scaled(stored: np.ndarray, header: NiftiHeader) -> np.ndarray:
    """Return the values that are meant: in their own type, or in float32 (doubles stay doubles) where they are scaled."""
    native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "f":
        bad = sum(int((~np.isfinite(plane)).sum()) for plane in native)
        if bad:
            raise StudyError(f"{bad} of its voxels are NaN or infinite: {NON_FINITE_CAUSE}")
    if (header.slope, header.intercept) == (1.0, 0.0):
        return native
    scaled = np.empty(native.shape, np.float64 if native.dtype == np.float64 else np.float32)
    for plane, target in zip(native, scaled, strict=True):
        target[:] = plane.astype(np.float64) * header.slope + header.intercept
    return scaled


def _surplus(left_over: int, behind: int) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if left_over:
        notes = (f"it holds {left_over} bytes more than its header promises; they were passed over",)
    if behind:
        notes = (*notes, f"{behind} bytes lie behind the end of its gzip stream; they were passed over")
    return notes
