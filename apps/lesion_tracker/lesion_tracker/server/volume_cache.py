"""Studies in memory: each file is read once, as long as it stays the same and there is room."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from lesion_tracker.volumes.read_files import stamps_of
from lesion_tracker.volumes.unchanged import Stamp
from lesion_tracker.volumes.volume import Volume

Key = tuple[str, tuple[Stamp, ...]]
"""The path, and the stamps of the files that are read for it."""


class VolumeCache:
    """The volumes that were used last, bounded by their bytes; safe for threads.

    A file that changed on disk, or one of a series' files, is read again; what it held before stays as long as there is
    room, so that points can be carried over. Several threads that ask for the same file at once read it once.

    Args:
        max_bytes: HU arrays above this sum are dropped, the least recently used first.
        read: reads a file or DICOM folder.
    """

    def __init__(self, max_bytes: int, read: Callable[[Path], Volume]) -> None:
        self._max_bytes = max_bytes
        self._read = read
        self._volumes: OrderedDict[Key, Volume] = OrderedDict()
        self._reading: dict[Key, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, path: Path) -> Volume:
        """Return the volume of a file or DICOM folder, as `stamped`."""
        return self.stamped(path)[0]

    def stamped(self, path: Path) -> tuple[Volume, str]:
        """Return the volume of a file or DICOM folder, and the stamp of its files.

        Raises:
            StudyError: if it is no usable CT volume.
            FileNotFoundError: if it is gone.
        """
        key = _key(path)
        with self._lock:
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            volume = self._known(key) or self._keep(key, self._read(path))
        with self._lock:
            self._reading.pop(key, None)
        return volume, digest_of(key[1])

    def kept(self, path: Path, stamp: str) -> Volume | None:
        """Return the volume that a path held when its files had a stamp, if it is still in memory."""
        with self._lock:
            found = {digest_of(stamps): one for (name, stamps), one in self._volumes.items() if name == str(path)}
        return found.get(stamp)

    @property
    def used_bytes(self) -> int:
        """Bytes of all HU arrays that are kept."""
        with self._lock:
            return sum(volume.hu.nbytes for volume in self._volumes.values())

    def _known(self, key: Key) -> Volume | None:
        with self._lock:
            if key in self._volumes:
                self._volumes.move_to_end(key)
            return self._volumes.get(key)

    def _keep(self, key: Key, volume: Volume) -> Volume:
        with self._lock:
            self._volumes[key] = volume
            total = sum(kept.hu.nbytes for kept in self._volumes.values())
            while total > self._max_bytes and self._volumes:
                _, dropped = self._volumes.popitem(last=False)
                total -= dropped.hu.nbytes
        return volume


def digest_of(stamps: tuple[Stamp, ...]) -> str:
    """Return the stamps of a volume's files as one short text, which goes into histories."""
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]


def _key(path: Path) -> Key:
    return str(path), stamps_of(path)
