"""Registrations remembered on disk: one file per pair of volumes, method, parameters and code version."""

import contextlib
import hashlib
import io
import json
import logging
import os
import tempfile
import threading
import weakref
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

SUFFIX = ".registration.npz"
STALE_S = 3600.0

_digests: "weakref.WeakKeyDictionary[Volume, str]" = weakref.WeakKeyDictionary()


def volume_digest(volume: Volume) -> str:
    """Return the SHA-256 of a volume's voxels and grid; remembered as long as the volume lives."""
    known = _digests.get(volume)
    if known is None:
        grid = np.round(volume.grid.lps_from_index, 4) + 0.0
        digest = hashlib.sha256(f"{volume.grid.size} {volume.hu.dtype.str} {grid.tolist()}".encode())
        digest.update(np.ascontiguousarray(volume.hu).data)
        known = digest.hexdigest()
        _digests[volume] = known
    return known


def pair_key(baseline: Volume, followup: Volume, method: str, parameters: dict[str, Any]) -> str:
    """Return the name under which a registration is remembered: a SHA-256 in hex."""
    text = json.dumps([volume_digest(baseline), volume_digest(followup), method, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class RegistrationCache:
    """A folder of registrations, for any number of threads and processes.

    A file appears complete or not at all; one that cannot be read is deleted and computed anew; the files used
    longest ago go first when there are too many bytes.

    Args:
        folder: made if it does not exist.
        max_bytes: bound of all files together.

    Raises:
        ValueError: for a bound that is negative.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes must be at least 0, got {max_bytes}")
        self.folder, self.max_bytes = Path(folder), max_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def read(self, key: str) -> FollowupFromBaseline | None:
        """Return what is remembered under a key, or None; a torn file is deleted."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("the remembered registration %s cannot be read: %s", path.name, error)
            return None
        try:
            found = from_bytes(data)
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            logger.warning("the remembered registration %s is torn (%s): it is computed anew", path.name, error)
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):  # another process may have deleted it just now
            os.utime(path)
        return found

    def write(self, key: str, answer: FollowupFromBaseline) -> None:
        """Remember an answer; a full disk is logged, not raised, because the answer itself is good."""
        name = ""
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as part:
                name = part.name
                part.write(to_bytes(answer))
                part.flush()
                os.fsync(part.fileno())
            os.replace(name, self._path(key))
            self._evict()
        except OSError as error:
            logger.warning("a registration could not be remembered in %s: %s", self.folder, error)
            if name:
                Path(name).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _evict(self) -> None:
        """Delete what was used longest ago until the bound holds, and parts that a dead writer left."""
        with self._lock:
            entries = sorted((stat for stat in map(_stat, self.folder.iterdir()) if stat), reverse=True)
            newest = max((used for used, _, _ in entries), default=0.0)
            total = 0
            for used, size, path in entries:
                if path.suffix == ".part":
                    if used < newest - STALE_S:
                        path.unlink(missing_ok=True)
                    continue
                total += size
                if total > self.max_bytes and path.name.endswith(SUFFIX):
                    path.unlink(missing_ok=True)


def _stat(path: Path) -> tuple[float, int, Path] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime, stat.st_size, path


def to_bytes(answer: FollowupFromBaseline) -> bytes:
    """Return a registration as the bytes of an .npz file (no pickle), its checksums included."""
    facts = {"method": answer.method, "quality": answer.quality, "seconds": answer.seconds, "fallback": answer.fallback}
    arrays: dict[str, np.ndarray] = {"matrix": answer.matrix, "facts": np.array(json.dumps(facts))}
    if answer.displacement is not None:
        arrays["size"] = np.array(answer.displacement.grid.size)
        arrays["lps_from_index"] = answer.displacement.grid.lps_from_index
        arrays["shift"] = _planes(answer.displacement.shift_mm)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(data: bytes) -> FollowupFromBaseline:
    """Read what `to_bytes` wrote.

    Raises:
        OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error: if it is torn.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        facts = json.loads(str(arrays["facts"]))
        displacement = None
        if "shift" in arrays:
            x, y, z = (int(n) for n in arrays["size"])
            shift = np.ascontiguousarray(np.moveaxis(arrays["shift"].astype(np.float32), 0, -1))
            displacement = Displacement(Grid((x, y, z), arrays["lps_from_index"]), shift)
        return FollowupFromBaseline(
            facts["method"], arrays["matrix"], displacement, facts["quality"], facts["seconds"], facts["fallback"]
        )


def _planes(shift_mm: np.ndarray) -> np.ndarray:
    """Return the field as float16, one component after the other."""
    return np.moveaxis(shift_mm, -1, 0).astype(np.float16)
