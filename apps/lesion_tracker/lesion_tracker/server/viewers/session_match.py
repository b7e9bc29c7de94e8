"""Which study of the datastore a volume is that a client sent along instead of naming it."""

import threading
from collections.abc import Callable
from pathlib import Path

from lesion_tracker.errors import InputError, StudyError
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.fingerprint import Fingerprint, fingerprint_of
from lesion_tracker.volumes.read_files import stamps_of
from lesion_tracker.volumes.unchanged import Stamp
from lesion_tracker.volumes.volume import Volume


class SessionMatch:
    """Finds the study with the same voxels at the same places.

    Args:
        read: returns the volume of a path.
        studies: returns all studies that it may be.
    """

    def __init__(self, read: Callable[[Path], Volume], studies: Callable[[], list[Study]]) -> None:
        self._read, self._studies = read, studies
        self._known: dict[tuple[str, tuple[Stamp, ...]], Fingerprint] = {}
        self._lock = threading.Lock()

    def study_of_copy(self, path: Path) -> str:
        """Return the id of the study that a file is a copy of.

        Args:
            path: what the client sent, as Slicer saves a volume that it loaded by itself.

        Raises:
            InputError: if there is none, or if several patients' studies have these voxels.
            StudyError: if it is no usable CT volume.
        """
        return self.find(self._read(path)).id

    def find(self, image: Volume) -> Study:
        """Return the study that a volume is a copy of; refuse as `study_of_copy`."""
        wanted = fingerprint_of(image)
        found = [study for study in self._studies() if self._is_copy(study, wanted)]
        if not found:
            raise InputError(
                "the volume that was sent is none of this datastore's studies (by voxels and geometry), so nobody "
                "knows whose it is: upload it first, or open the study with Next Sample"
            )
        if len({study.patient_id for study in found}) > 1:
            names = "; ".join(study.describe() for study in found)
            raise InputError(
                f"the volume that was sent is the same as several studies: {names}; open one with Next Sample"
            )
        return found[0]

    def _is_copy(self, study: Study, wanted: Fingerprint) -> bool:
        try:
            key = str(study.path), stamps_of(study.path)
            with self._lock:
                known = self._known.get(key)
            if known is None:
                known = fingerprint_of(self._read(study.path))
        except (OSError, StudyError):
            return False
        with self._lock:
            self._known[key] = known
        return known.equals(wanted)
