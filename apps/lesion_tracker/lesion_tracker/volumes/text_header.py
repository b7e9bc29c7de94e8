"""The text headers of NRRD and MetaImage: their fields, and the file that they name as their voxels."""

from dataclasses import dataclass
from pathlib import Path

from lesion_tracker.errors import StudyError

HEADER_BYTES = 1 << 16
"""A longer text header is refused."""


@dataclass(frozen=True)
class TextHeader:
    """The fields of a header.

    Args:
        nrrd: NRRD; else MetaImage.
        fields: key in lower case and value, in the order of the file; a key may stand there twice.
        ends_at: where what follows the header begins, bytes.
    """

    nrrd: bool
    fields: tuple[tuple[str, str], ...]
    ends_at: int = 0

    def get(self, *keys: str) -> str:
        """Return the value of the first field that has one of these keys, "" where there is none."""
        return next((value for key, value in self.fields if key in keys), "")

    @property
    def data_files(self) -> tuple[str, ...]:
        """What the header names as its voxels; empty where they follow in the same file."""
        keys = ("data file", "datafile") if self.nrrd else ("elementdatafile",)
        return tuple(value for key, value in self.fields if key in keys and value != "LOCAL")


def read_text_header(path: Path) -> TextHeader:
    """Read the header of an NRRD or MetaImage file.

    Raises:
        StudyError: for a header without end, and for one whose voxels are a list of files or lie in another folder.
    """
    with path.open("rb") as stream:
        head = stream.read(HEADER_BYTES + 1)
    header = _parse(head)
    for name in header.data_files:
        if "/" in name or "\\" in name or name.split(" ")[0] == "LIST":
            raise StudyError(f"its header names {name!r} as its voxels; only one file in the same folder is accepted")
    return header


def _parse(head: bytes) -> TextHeader:
    nrrd = head.startswith(b"NRRD")
    fields: list[tuple[str, str]] = []
    ends_at = 0
    for line in head.splitlines(keepends=True):
        ends_at += len(line)
        if nrrd and not line.strip():
            return TextHeader(nrrd, tuple(fields), ends_at)
        key, _, value = line.replace(b"=", b":", 1).partition(b":")
        fields.append((key.strip().lower().decode("latin-1"), value.strip().decode("latin-1")))
        if fields[-1][0] == "elementdatafile":
            return TextHeader(nrrd, tuple(fields), ends_at)
    if len(head) > HEADER_BYTES:
        raise StudyError(f"its text header does not end within {HEADER_BYTES} bytes: another format renamed?")
    return TextHeader(nrrd, tuple(fields))
