"""A multipart/related body on disk → the bytes of its parts, one at a time, in every form in which servers send it.

By hand, because the email package takes the end of a body for the end of its last part, and holds all parts at once.
"""

import mmap
import os
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from io import BytesIO

import pydicom
from pydicom.pixel_data_handlers.util import get_expected_length

from lesion_tracker.errors import PacsError

FILE_KINDS = ("application/dicom", "application/octet-stream")
"""What a part may say that it is, if it says so at all."""

BLANK_LINE = re.compile(rb"\r?\n\r?\n")
MARK_AT = 128
"""A DICOM file begins with so many bytes of nothing, and then DICM."""

CUT = "the PACS's answer ends before its last DICOM file is complete: was the transfer cut off?"


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names, quoted or not.

    Raises:
        PacsError: for what is not multipart/related.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/related" or not boundary:
        raise PacsError(f"the PACS sent {content_type or 'no content type'!r} instead of a multipart of DICOM files")
    return boundary.strip().encode("latin-1", "replace")


def split_parts(descriptor: int, boundary: bytes) -> Iterator[bytes]:
    """Yield the content of each part of a multipart body (RFC 2046), without its header.

    Lines may end with CR LF or LF alone. A preamble, parts without a header and a last boundary that is missing are
    accepted; where it is missing, the last part must be a whole DICOM file.

    Args:
        descriptor: of the file that holds the body.
        boundary: as the Content-Type named it.

    Raises:
        PacsError: for a body without parts, one that ends too early, or parts that are no DICOM files.
    """
    if os.fstat(descriptor).st_size == 0:
        raise PacsError("the PACS sent an empty answer instead of DICOM files")
    name = rb"--" + re.escape(boundary) + rb"(?:(--)|[ \t]*(?=(\r?\n)))"
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as body:
        mark = re.compile(rb"(?:\A|\n)" + name).search(body)
        line = b"\r\n" if mark and mark[2] == b"\r\n" else b"\n"
        later = re.compile(line + name)
        while mark and not mark[1]:
            following = later.search(body, mark.end())
            yield _content(body, mark.end(), following.start() if following else None, line)
            if following is None:
                return
            mark = following
    if mark is None:
        raise PacsError(CUT)


def _content(body: mmap.mmap, start: int, end: int | None, line: bytes) -> bytes:
    """Return what a part holds.

    Args:
        body: of all parts.
        start: right behind the boundary before it.
        end: where the boundary behind it begins; None: there is none.
        line: how lines end.
    """
    bare = start + len(line)
    if body[bare + MARK_AT : bare + MARK_AT + 4] == b"DICM":
        head, content = b"", body[bare:end]
    else:
        blank = BLANK_LINE.search(body, start, len(body) if end is None else end)
        if blank is None:
            raise PacsError(CUT)
        head, content = body[start : blank.start()].strip(), body[blank.end() : end]
    header = BytesParser().parsebytes(head + b"\n\n", headersonly=True)
    kind = header.get_content_type() if "Content-Type" in header else FILE_KINDS[0]
    if kind not in FILE_KINDS:
        raise PacsError(f"the PACS sent {kind!r} among the DICOM files of a series: its own log may say why")
    if end is None:
        content = content if not content.endswith(line) or _is_whole(content) else content[: -len(line)]
    promised = str(header.get("Content-Length", "")).strip()
    if (promised.isdigit() and int(promised) > len(content)) or (end is None and not _is_whole(content)):
        raise PacsError(CUT)
    return content


def _is_whole(content: bytes) -> bool:
    """Say whether bytes are a DICOM file up to the end of its pixels."""
    try:
        data = pydicom.dcmread(BytesIO(content))
        compressed = data.file_meta.TransferSyntaxUID.is_compressed  # its end mark was found, else EOFError
        return compressed or len(data.PixelData) >= get_expected_length(data)
    except Exception:  # whatever pydicom raises at a file that was cut off
        return False
