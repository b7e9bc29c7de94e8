"""The fingerprint of a volume: the same scan, whatever its file is called, has the same one."""

import hashlib

import numpy as np

from lesion_tracker.volumes.volume import Volume

GEOMETRY_TOLERANCE_MM = 0.05
"""A viewer that saves a volume again rounds its header to float32; scans of one patient differ by more."""


def voxel_hash(volume: Volume) -> str:
    """Return a hash of the voxels (HU, rounded to integers) and the size of a volume.

    Args:
        volume: HU between -32768 and 32767; values beyond count as these.

    Returns:
        64 hexadecimal digits; equal for an int16 and a float32 copy of the same scan.
    """
    whole = np.clip(np.rint(volume.hu), -32768, 32767).astype("<i2")
    digest = hashlib.sha256(repr(volume.grid.size).encode())
    digest.update(np.ascontiguousarray(whole).data)
    return digest.hexdigest()


def same_scan(one: Volume, other: Volume) -> bool:
    """Say whether two volumes are the same scan: the same voxels at the same places (within 0.05 mm)."""
    return one.grid.equals(other.grid, GEOMETRY_TOLERANCE_MM) and voxel_hash(one) == voxel_hash(other)
