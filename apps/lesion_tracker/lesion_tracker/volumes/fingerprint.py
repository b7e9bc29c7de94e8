"""The fingerprint of a volume: the same scan has the same one, whatever its file is called and however it was saved."""

import hashlib
import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lesion_tracker.records.json_record import JsonRecord, read_record
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

GEOMETRY_TOLERANCE_MM = 0.05
"""A viewer that saves a volume again rounds its header to float32; scans of one patient differ by more."""


@dataclass(frozen=True)
class Fingerprint(JsonRecord):
    """What tells a scan from others.

    Args:
        voxels: SHA-256 of the HU (rounded to integers) in the canonical orientation.
        size: voxels along the axes that run most nearly to the left, to the back and upwards.
        lps_from_index: the first three rows of the grid's matrix in that orientation, row by row, mm.
    """

    voxels: str
    size: tuple[int, int, int]
    lps_from_index: tuple[float, ...]

    @classmethod
    def from_json(cls, data: object) -> "Fingerprint":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key.
        """
        return read_record(cls, "fingerprint", data, "fingerprint")

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return Grid(self.size, np.vstack([np.array(self.lps_from_index).reshape(3, 4), [0.0, 0.0, 0.0, 1.0]]))

    def equals(self, other: "Fingerprint") -> bool:
        """Say whether both are the same scan: the same voxels at the same places (within 0.05 mm)."""
        return self.voxels == other.voxels and _same_grid(self, other)

    def difference(self, now: "Fingerprint") -> str:
        """Say in words how another scan differs from this one, which was there before."""
        if self.voxels != now.voxels:
            same_grid = self.grid.equals(now.grid, GEOMETRY_TOLERANCE_MM)
            return "other voxels on the same grid" if same_grid else "another scan, or the same one resampled"
        moved = now.grid.origin_mm - self.grid.origin_mm
        if np.abs(now.grid.lps_from_index[:3, :3] - self.grid.lps_from_index[:3, :3]).max() < 1e-4:
            return f"the same voxels, moved by ({', '.join(f'{mm:.1f}' for mm in moved)}) mm: its header was corrected"
        return "the same voxels with another spacing or other directions: its header was corrected"


@lru_cache(maxsize=1024)
def _same_grid(one: Fingerprint, other: Fingerprint) -> bool:
    """Compare grids once: each line of a history asks for the volumes of its study."""
    return one.grid.equals(other.grid, GEOMETRY_TOLERANCE_MM)


def fingerprint_of(volume: Volume) -> Fingerprint:
    """Return the fingerprint of a volume; equal for an int16 and a float32 copy, and whichever way its axes run.

    Args:
        volume: HU between -32768 and 32767; values beyond count as these.
    """
    whole = volume.hu if volume.hu.dtype == np.int16 else np.clip(np.rint(volume.hu), -32768, 32767).astype(np.int16)
    along, signs = _nearest_axes(volume.grid)
    ordered = whole.transpose([2 - axis for axis in reversed(along)])  # z, y, x of the patient
    ordered = ordered[tuple(slice(None, None, sign) for sign in reversed(signs))]
    grid = canonical(volume.grid)
    digest = hashlib.sha256(repr(grid.size).encode())
    for plane in ordered:
        digest.update(np.ascontiguousarray(plane, "<i2").data)
    return Fingerprint(digest.hexdigest(), grid.size, tuple(float(v) for v in grid.lps_from_index[:3].ravel()))


def canonical(grid: Grid) -> Grid:
    """Return the grid of the same voxels whose axes run most nearly to the left, to the back and upwards."""
    along, signs = _nearest_axes(grid)
    own = np.zeros((4, 4))
    own[3, 3] = 1.0
    for axis, (index, sign) in enumerate(zip(along, signs, strict=True)):
        own[index, axis] = sign
        own[index, 3] = 0.0 if sign > 0 else grid.size[index] - 1
    return Grid((grid.size[along[0]], grid.size[along[1]], grid.size[along[2]]), grid.lps_from_index @ own)


def same_scan(one: Volume, other: Volume) -> bool:
    """Say whether two volumes are the same scan: the same voxels at the same places (within 0.05 mm)."""
    if sorted(one.grid.size) != sorted(other.grid.size):
        return False
    return fingerprint_of(one).equals(fingerprint_of(other))


def _nearest_axes(grid: Grid) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return which index axis runs most nearly along x, y and z of the patient, and in which sense."""
    direction = grid.direction
    along = max(
        itertools.permutations(range(3)), key=lambda order: sum(abs(direction[axis, order[axis]]) for axis in range(3))
    )
    return along, tuple(1 if direction[axis, along[axis]] > 0 else -1 for axis in range(3))
