"""DEEDS through the programs that its authors' code builds: linearBCV, deedsBCV, applyBCVfloat, if they are on PATH.

Source: M. Heinrich et al., TMI 2013; https://github.com/mattiaspaul/deedsBCV. Both studies are brought to one grid of 2 mm
by the app's affine, because the programs want images of the same size, and linearBCV refines it. Where a voxel comes from is
read off three images whose values are their own x, y and z, which applyBCVfloat warps as it would the follow-up: that holds
the affine, the displacements and their interpolation, whatever their file formats are.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from benchmarks.peers.on_grid import aligned, as_map
from benchmarks.peers.peer import Peer, PointMap, by_map
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration.working import cubic_grid
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

PROGRAMS = ("linearBCV", "deedsBCV", "applyBCVfloat")
SPACING_MM = 2.0
MOST_VOXELS = 8e6
"""Its authors' own example has as many; more voxels take more memory than a desktop has."""
TIMEOUT_S = 1800.0
FIRST = 1.0
"""Coordinates are counted from here, because the programs write 0 where a voxel comes from outside."""


def deeds_peer() -> Peer:
    """Return the row."""
    note = "DEEDS, linearBCV then deedsBCV with their own defaults, on 2 mm voxels"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        why = f"not measured: {', '.join(missing)} not on PATH (build https://github.com/mattiaspaul/deedsBCV)"
        return Peer("deeds", note, None, why, slow=True)
    return Peer("deeds", note, by_map(deeds_map), slow=True)


def deeds_map(pair: Pair) -> PointMap:
    """Register a pair.

    Raises:
        RegistrationFailed: if the affine or one of the programs fails.
    """
    affine, part = aligned(pair, SPACING_MM, MOST_VOXELS)
    with tempfile.TemporaryDirectory() as folder:
        voxels = displacement(part.fixed.image.hu, part.moved.image.hu, Path(folder))
    return as_map(affine, part, voxels * part.fixed.image.spacing_mm)


def displacement(fixed: np.ndarray, moving: np.ndarray, folder: Path) -> np.ndarray:
    """Return (z, y, x, 3): the place in `moving` minus that in `fixed`, in voxels along x, y, z.

    Args:
        fixed: HU.
        moving: HU, the same shape.
        folder: empty, for the programs' files.

    Raises:
        RegistrationFailed: if a program fails, or no voxel comes from inside.
    """
    _write(fixed, folder / "fixed.nii.gz")
    _write(moving, folder / "moving.nii.gz")
    images = ["-F", "fixed.nii.gz", "-M", "moving.nii.gz"]
    _run(folder, "linearBCV", *images, "-O", "affine")
    _run(folder, "deedsBCV", *images, "-O", "deeds", "-A", "affine_matrix.txt")
    here = np.indices(fixed.shape, dtype=np.float32)[::-1]  # x, y, z
    there = np.stack([_warped(coordinate, name, folder) for coordinate, name in zip(here, "xyz", strict=True)])
    inside = (there > FIRST / 2).all(axis=0)
    if not inside.any():
        raise RegistrationFailed("deedsBCV maps the whole baseline outside of the follow-up")
    shift = np.moveaxis(there - FIRST - here, 0, -1)
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return np.asarray(shift[tuple(nearest)])


def _warped(coordinate: np.ndarray, name: str, folder: Path) -> np.ndarray:
    source, target = f"{name}.nii.gz", f"{name}_warped.nii.gz"
    _write(coordinate + np.float32(FIRST), folder / source)
    _run(folder, "applyBCVfloat", "-M", source, "-O", "deeds", "-D", target, "-A", "affine_matrix.txt")
    return sitk.GetArrayFromImage(sitk.ReadImage(str(folder / target), sitk.sitkFloat32))


def _write(values: np.ndarray, path: Path) -> None:
    grid = cubic_grid(np.zeros(3), np.array(values.shape[::-1]), 1.0)
    write_volume(Volume(np.asarray(values, dtype=np.float32), grid), path)


def _run(folder: Path, program: str, *words: str) -> None:
    try:
        done = subprocess.run(
            [program, *words], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise RegistrationFailed(f"{program} took more than {TIMEOUT_S:.0f} s") from None
    if done.returncode != 0:
        raise RegistrationFailed(
            f"{program} ended with {done.returncode}: {(done.stderr or done.stdout)[-300:].strip()}"
        )
