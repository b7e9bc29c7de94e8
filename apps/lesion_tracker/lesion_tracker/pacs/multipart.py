"""A multipart/related body on disk → the bytes of its parts, one at a time."""

import mmap
import os
import re
from collections.abc import Iterator

from lesion_tracker.errors import PacsError


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names.

    Raises:
        PacsError: for what is not multipart/related.
    """
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.lower().lstrip().startswith("multipart/related") or match is None:
        raise PacsError(f"the PACS sent {content_type or 'no content type'!r} instead of a multipart of DICOM files")
    return match.group(1).strip().encode("latin-1")


def split_parts(descriptor: int, boundary: bytes) -> Iterator[bytes]:
    """Yield the content of each part of a multipart body (RFC 2046), without its header.

    Args:
        descriptor: of the file that holds the body.
        boundary: as the Content-Type named it.

    Raises:
        PacsError: for a body without parts, or one that ends before its last boundary.
    """
    if os.fstat(descriptor).st_size == 0:
        raise PacsError("the PACS sent an empty answer instead of DICOM files")
    mark = b"--" + boundary
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as body:
        at = body.find(mark)
        while at >= 0:
            begin = at + len(mark)
            if body[begin : begin + 2] == b"--":
                return
            end = body.find(b"\r\n" + mark, begin)
            head = body.find(b"\r\n\r\n", begin)
            if end < 0 or head < 0 or head > end:
                break
            yield body[head + 4 : end]
            at = end + 2
    raise PacsError("the PACS's answer ends before its last DICOM file is complete: was the transfer cut off?")
