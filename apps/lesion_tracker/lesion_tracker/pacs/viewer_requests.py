"""What a viewer may read of a PACS through this server: lists, headers, files and pictures of studies, by GET.

The server has a login at the PACS that the viewer's reader has not: whatever is not spelled here is not asked. A path is
decoded until nothing changes, must then be of one of these forms as a whole, and is passed on as it was compared.
"""

import re
from urllib.parse import quote, unquote

from lesion_tracker.errors import InputError, PacsError

LONGEST = 4000
"""Characters of a path or a query."""

_UID = r"(?=[0-9.]{1,64}(?:/|$))[0-9]+(?:\.[0-9]+)*"
_STUDY = f"studies/{_UID}"
_SERIES = f"{_STUDY}/series/{_UID}"
_INSTANCE = f"{_SERIES}/instances/{_UID}"
_FRAMES = f"{_INSTANCE}/frames/[0-9]{{1,6}}(?:,[0-9]{{1,6}})*"
_BULK = "(?:/[0-9A-Za-z][0-9A-Za-z._-]{0,127}){1,12}"

QUERIES = re.compile(f"studies|series|instances|{_STUDY}/(?:series|instances)|{_SERIES}/instances", re.ASCII)
RETRIEVALS = re.compile(
    f"(?:{_STUDY}|{_SERIES}|{_INSTANCE})(?:/metadata|/rendered|/thumbnail|/(?:bulkdata|bulk){_BULK})?"
    f"|{_FRAMES}(?:/rendered|/thumbnail)?",
    re.ASCII,
)
NAME = re.compile(r"[A-Za-z]{1,64}|[0-9A-Fa-f]{8}(?:\.[0-9A-Fa-f]{8}){0,4}", re.ASCII)
"""A word of DICOMweb, a keyword or a tag."""

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
KINDS = (
    "multipart/related",
    "application/dicom+json",
    "application/json",
    "application/dicom",
    "application/octet-stream",
)
SCRIPTED = "image/svg+xml"
"""A picture that could run in the reader's browser; no scanner makes one."""


def viewer_path(path: str) -> str:
    """Return a path below the PACS's address, if it is of one of the forms that viewers ask for.

    Raises:
        InputError: with the path.
    """
    plain = path[: LONGEST + 1]
    while (again := unquote(plain)) != plain:
        plain = again
    if len(plain) > LONGEST or not (QUERIES.fullmatch(plain) or RETRIEVALS.fullmatch(plain)):
        raise InputError(
            f"{path[:200]!r} is nothing that a viewer reads from a PACS: lists, headers, files and pictures of studies, by "
            "their UIDs"
        )
    return plain


def viewer_query(query: str) -> str:
    """Return a query, encoded anew: names of DICOMweb with values that are text.

    Raises:
        InputError: for another name, or a value with control characters.
    """
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    for name, _, value in pairs:
        if len(query) > LONGEST or not NAME.fullmatch(name) or CONTROL.search(unquote(value)):
            raise InputError(f"{name[:100]}={value[:100]} is no part of a query to a PACS")
    return "&".join(f"{name}={quote(unquote(value), safe='*?,:;/@^()')}" for name, _, value in pairs)


def require_kind(content_type: str) -> None:
    """Refuse an answer of a kind that viewers do not ask for: a page of the PACS would run as one of this server's.

    Raises:
        PacsError: with the kind.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in KINDS and (not kind.startswith("image/") or kind == SCRIPTED):
        raise PacsError(
            f"the PACS sent {kind or 'no content type'!r} to a viewer; passed on are DICOM and pictures only"
        )
