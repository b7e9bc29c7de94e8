"""DICOM series of a folder as NIfTI files, for clients that cannot read DICOM; made when they are asked for."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from lesion_tracker.files.disk_cache import DiskCache
from lesion_tracker.studies.folder_index import Entry
from lesion_tracker.volumes.read_files import stamps_of
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

LONGEST_WAIT_S = 600.0
"""For another request that makes the same file."""


class SeriesFiles:
    """Keeps the files that were made last; a series whose files changed is made anew.

    Args:
        folder: of the files; made with the first one.
        max_bytes: of all files.
        read: reads a series.
    """

    def __init__(self, folder: Path, max_bytes: int, read: Callable[[Path], Volume]) -> None:
        self._folder, self._max_bytes, self._read = folder, max_bytes, read

    def file_of(self, entry: Entry) -> Path:
        """Return a NIfTI file of a series, called by its id.

        Raises:
            StudyError: if it is no usable CT volume, or the file cannot be written.
            PacsError: if another request is busy with it for too long.
        """
        digest = hashlib.sha256(repr(stamps_of(entry.path)).encode()).hexdigest()[:16]
        name = f"{entry.id}.nii.gz"

        def make(draft: Path) -> None:
            draft.mkdir()
            write_volume(self._read(entry.path), draft / name)

        cache = DiskCache(self._folder, self._max_bytes, LONGEST_WAIT_S)
        return cache.get(f"{entry.id}-{digest}", lambda _: True, make) / name
