"""NRRD and MetaImage headers may name any file as their voxels; only one in the same folder is accepted."""

from pathlib import Path

from lesion_tracker.errors import StudyError

HEADER_BYTES = 1 << 16
"""A longer text header is refused."""


def refuse_foreign_data_file(path: Path) -> None:
    """Check what an NRRD or MetaImage header names as its data file.

    Raises:
        StudyError: for a list of files, or a file outside the folder of `path`.
    """
    for name in _data_files(path):
        if "/" in name or "\\" in name or name.split(" ")[0] == "LIST":
            raise StudyError(f"its header names {name!r} as its voxels; only one file in the same folder is accepted")


def _data_files(path: Path) -> list[str]:
    with path.open("rb") as stream:
        head = stream.read(HEADER_BYTES + 1)
    names: list[str] = []
    for line in head.splitlines():
        if head.startswith(b"NRRD") and not line.strip():
            return names
        key, _, value = line.replace(b"=", b":", 1).partition(b":")
        name = value.strip().decode("latin-1")
        if key.strip().lower() == b"elementdatafile":
            return [name]
        if head.startswith(b"NRRD") and key.strip().lower() in (b"data file", b"datafile"):
            names.append(name)
    if len(head) > HEADER_BYTES:
        raise StudyError(f"its text header does not end within {HEADER_BYTES} bytes: another format renamed?")
    return names
