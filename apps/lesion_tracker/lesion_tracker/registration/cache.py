"""Registrations remembered on disk: one file per pair of volumes, method, parameters and code version."""

import contextlib
import hashlib
import io
import json
import logging
import os
import weakref
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lesion_tracker.files.disk_cache import DiskCache
from lesion_tracker.registration.doubts import PASSING, Doubt
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

SUFFIX = ".registration.npz"
WAIT_S = 600.0
"""For another process that computes the same pair: longer than the slowest method takes."""

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

    A registration is computed once, also by several servers at a time; one that cannot be read is computed anew; those
    used longest ago go first when there are too many bytes.

    Args:
        folder: made if it does not exist.
        max_bytes: bound of all files together; 0 keeps none.

    Raises:
        ValueError: for a bound that is negative.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes must be at least 0, got {max_bytes}")
        self._folder = folder
        self._disk = DiskCache(folder, max_bytes, WAIT_S)
        for path in folder.glob(f"*{SUFFIX}"):  # where earlier versions kept them
            with contextlib.suppress(OSError):  # another server was here first
                os.replace(path, self._disk.path(path.name))

    def get(self, key: str, compute: Callable[[], FollowupFromBaseline]) -> FollowupFromBaseline:
        """Return what is remembered under a key; compute and remember it first if it is missing or torn.

        An answer that lacks what a library was stopped at is not remembered: the next call computes it.
        A disk that is full, or cannot be written to, is logged and not raised, because the answer itself is good.

        Args:
            key: of `pair_key`.
            compute: makes the answer; what it raises is raised.
        """
        name = f"{key}{SUFFIX}"
        with contextlib.ExitStack() as alone:
            try:
                alone.enter_context(self._disk.locked(name))
            except OSError as error:
                logger.warning("a registration could not be remembered in %s: %s", self._folder, error)
                return compute()
            found = self._read(name)
            if found is not None:
                self._disk.note_use(name)
                return found
            answer = compute()
            if any(doubt.kind == PASSING for doubt in answer.doubts):
                return answer
            self._keep(name, answer)
        self._trim()
        return answer

    def known(self, key: str) -> FollowupFromBaseline | None:
        """Return what is remembered under a key, or None."""
        return self._read(f"{key}{SUFFIX}")

    def _read(self, name: str) -> FollowupFromBaseline | None:
        try:
            return from_bytes(self._disk.path(name).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            logger.warning(
                "the remembered registration %s is torn or cannot be read (%s): it is computed anew", name, error
            )
            return None

    def _keep(self, name: str, answer: FollowupFromBaseline) -> None:
        data = to_bytes(answer)

        def write(path: Path) -> None:
            path.write_bytes(data)

        try:
            self._disk.put(name, write)
        except OSError as error:
            logger.warning("a registration could not be remembered in %s: %s", self._folder, error)
        else:
            self._disk.note_use(name)

    def _trim(self) -> None:
        try:
            self._disk.trim()
        except OSError as error:
            logger.warning("no room could be made in %s: %s", self._folder, error)


def to_bytes(answer: FollowupFromBaseline) -> bytes:
    """Return a registration as the bytes of an .npz file (no pickle), its checksums included."""
    facts = {
        "method": answer.method,
        "quality": answer.quality,
        "seconds": answer.seconds,
        "fallback": answer.fallback,
        "doubts": [asdict(doubt) for doubt in answer.doubts],
    }
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
            facts["method"],
            arrays["matrix"],
            displacement,
            facts["quality"],
            facts["seconds"],
            facts["fallback"],
            tuple(Doubt(**doubt) for doubt in facts["doubts"]),
        )


def _planes(shift_mm: np.ndarray) -> np.ndarray:
    """Return the field as float16, one component after the other."""
    return np.moveaxis(shift_mm, -1, 0).astype(np.float16)
