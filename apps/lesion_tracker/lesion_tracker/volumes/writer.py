"""Volume → one image file, whole or not at all; DICOM series come from `dicom_writer`."""

from pathlib import Path

import SimpleITK as sitk

from lesion_tracker.errors import StudyError
from lesion_tracker.files.whole import written_whole
from lesion_tracker.volumes.dicom_writer import write_dicom_series
from lesion_tracker.volumes.volume import Volume

__all__ = ["image_of", "write_dicom_series", "write_volume"]

COMPRESSED = {".nii.gz": True, ".nii": False, ".nrrd": True, ".mha": True, ".mhd": False}
"""The endings that can be written, and whether ITK compresses them."""


def image_of(volume: Volume) -> sitk.Image:
    """Return the volume as an ITK image (a copy of the voxels; LPS mm, as ITK means it)."""
    image = sitk.GetImageFromArray(volume.hu)
    image.SetSpacing([float(mm) for mm in volume.grid.spacing_mm])
    image.SetOrigin([float(mm) for mm in volume.grid.origin_mm])
    image.SetDirection([float(cosine) for cosine in volume.grid.direction.ravel()])
    return image


def write_volume(volume: Volume, path: Path) -> None:
    """Write a volume as one file, replacing it at once when it is complete.

    Args:
        volume: what to write; its voxel type is kept.
        path: in an existing folder; its ending (.nii.gz, .nii, .nrrd, .mha, .mhd) chooses the format. `.mhd` leaves a
            second file `.raw` beside it.

    Raises:
        StudyError: for another ending, or a folder that cannot be written to.
    """
    suffix = next((ending for ending in COMPRESSED if path.name.lower().endswith(ending)), None)
    if suffix is None:
        raise StudyError(f"{path.name}: its ending is none of those that can be written: {', '.join(COMPRESSED)}")
    try:
        with written_whole(path) as draft:
            sitk.WriteImage(image_of(volume), str(draft), COMPRESSED[suffix])
    except (OSError, RuntimeError) as error:
        raise StudyError(
            f"{path.name}: it cannot be written ({error}): no such folder, permissions, or a full disk?"
        ) from None
