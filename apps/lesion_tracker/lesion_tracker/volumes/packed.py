"""The packed voxels of an NRRD or MetaImage file are whole: ITK takes what it could unpack of them, without a word."""

import zlib
from pathlib import Path

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.gunzip import ANY, CHUNK_BYTES, GZIP, Gunzip, read_to_end
from lesion_tracker.volumes.text_header import TextHeader


def refuse_damaged_packing(header: TextHeader, path: Path, voxel_bytes: int) -> None:
    """Unpack the voxels once, and refuse those that are cut off, damaged or another number; what is not packed passes.

    Args:
        header: of the file.
        path: the file.
        voxel_bytes: that the header promises.

    Raises:
        StudyError: with what is wrong.
    """
    kind = _kind(header)
    if not kind:
        return
    start = 0 if header.data_files else header.ends_at
    with (path.parent / header.data_files[0] if header.data_files else path).open("rb") as file:
        file.seek(start)
        stream = Gunzip(file, kind)
        try:
            found = _skip(stream, voxel_bytes)
            if found == voxel_bytes:
                read_to_end(stream)
        except (EOFError, zlib.error) as error:
            raise StudyError(f"it is truncated or damaged ({error}): was the upload or copy cut off?") from None
    if found < voxel_bytes:
        raise StudyError(
            f"it is truncated: {found} bytes of data where its header promises {voxel_bytes}; was the upload or copy cut off?"
        )
    said, packed = header.get("compresseddatasize"), stream.ended_at - start
    if not header.nrrd and (int(said) if said.isdecimal() else 0) < packed:
        raise StudyError(
            f"its header speaks of {said or 'no'} bytes of packed voxels, and they are {packed}: export it again"
        )


def _kind(header: TextHeader) -> int:
    """Return what zlib has to expect, 0 where nothing is packed so."""
    if header.nrrd:
        return GZIP if header.get("encoding").lower() in ("gzip", "gz") else 0
    return ANY if header.get("compresseddata")[:1] in tuple("Tt1") else 0


def _skip(stream: Gunzip, count: int) -> int:
    """Read up to `count` bytes; return how many there were."""
    found, buffer = 0, memoryview(bytearray(CHUNK_BYTES))
    while found < count and (more := stream.readinto(buffer[: count - found])):
        found += more
    return found
