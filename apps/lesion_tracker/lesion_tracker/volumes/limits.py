"""How much a file may unpack to: small files can promise more than any machine has, so it is checked before memory is taken."""

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.filereader import read_file_meta_info

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.text_header import TextHeader

MIB = 1 << 20
MOST_MB = 2048.0
"""MiB of a volume's voxels as its file stores them; a server's operator can set another number (`volume_mb`)."""

SURPLUS_BYTES = 64 * MIB
"""So much may lie before or behind the voxels that a header describes; more is not read."""

SLICE_BYTES = 256 * MIB
"""So much may one DICOM file of a deflated transfer syntax unpack to."""

DEFLATED = b"1.2.840.10008.1.2.1.99"
HEAD_BYTES = 1024
PIECE_BYTES = 1 << 20
LINES = 10_000
"""More lines are not skipped."""

PACKED = ("gzip", "gz", "bzip2", "bz2")


def refuse_too_large(size: Sequence[int], voxel_bytes: int, most_mb: float) -> None:
    """Refuse a volume whose voxels take more memory than is allowed.

    Args:
        size: voxels along all axes.
        voxel_bytes: of one voxel.
        most_mb: MiB that are accepted.

    Raises:
        StudyError: with both numbers.
    """
    wanted_mb = float(np.prod(np.array(size, np.float64))) * voxel_bytes / MIB
    if wanted_mb > most_mb:
        raise StudyError(
            f"its header promises {wanted_mb:.0f} MiB of voxels, more than the {most_mb:g} MiB that are accepted: is it "
            "damaged? If not, the setting volume_mb is the limit"
        )


def refuse_skips(header: TextHeader, path: Path) -> None:
    """Refuse a text header that lets a reader search for its voxels without end, or promises more than the file holds.

    Args:
        header: of an NRRD or MetaImage file.
        path: the file.

    Raises:
        StudyError: with the field.
    """
    is_packed = header.get("encoding").lower() in PACKED
    for keys, most in ((("line skip", "lineskip"), LINES), (("byte skip", "byteskip"), path.stat().st_size)):
        text = header.get(*keys) if header.nrrd else ""
        skip = int(text) if re.fullmatch(r"-?\d{1,18}", text) else 0
        if (is_packed and skip) or skip > most:
            raise StudyError(
                f"its header skips {text} {keys[0].split()[0]}s before its voxels: damaged? Export it again"
            )
    text = "" if header.nrrd else header.get("compresseddatasize")
    if text.isdigit() and not header.data_files and int(text) > path.stat().st_size:
        raise StudyError(
            f"it is truncated: its header promises {text} bytes of packed voxels, the file has {path.stat().st_size}; was the "
            "upload or copy cut off?"
        )


def refuse_inflated(path: Path) -> None:
    """Refuse a DICOM file of a deflated transfer syntax that unpacks to more than a slice is.

    Raises:
        StudyError: with the limit.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        if DEFLATED not in head:
            return
        meta = read_file_meta_info(path)
        stream.seek(132 + 12 + int(meta.FileMetaInformationGroupLength))
        unpack, left = zlib.decompressobj(-zlib.MAX_WBITS), SLICE_BYTES
        while (packed := unpack.unconsumed_tail or stream.read(PIECE_BYTES)) and not unpack.eof:
            left -= len(unpack.decompress(packed, PIECE_BYTES))
            if left < 0:
                raise StudyError(f"{path.name} unpacks to more than the {SLICE_BYTES // MIB} MiB that are accepted")
