"""The files that a volume is read from, and what tells that they are still the same."""

from pathlib import Path

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_folders import files_in, folders_below, split_address
from lesion_tracker.volumes.text_header import read_text_header
from lesion_tracker.volumes.unchanged import Stamp, stamp

DETACHED = (".mhd", ".nhdr")
"""Endings of headers whose voxels lie in a file of their own."""


def files_of(path: Path) -> list[Path]:
    """Return the files that `read_volume` may read for a path; of a file that is not there itself.

    Raises:
        OSError: for a folder that may not be read.
    """
    folder, series_uid = split_address(path)
    if series_uid or path.is_dir():
        return [file for one in folders_below(folder) for file in files_in(one)]
    if path.suffix.lower() not in DETACHED or not path.exists():
        return [path]
    try:
        return [path, *(path.parent / name for name in read_text_header(path).data_files)]
    except StudyError:  # reading it says what is wrong
        return [path]


def stamps_of(path: Path) -> tuple[Stamp, ...]:
    """Return what changes when one of a volume's files is written, replaced, added or removed.

    Raises:
        OSError: if one is not there.
    """
    return tuple(stamp(file) for file in files_of(path))
