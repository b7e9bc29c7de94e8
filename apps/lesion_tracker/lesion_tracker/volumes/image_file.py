"""One image file (NIfTI, NRRD, MetaImage) → Volume, through ITK and with ITK's silent acceptances refused."""

import logging
import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.detached_data import refuse_foreign_data_file
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.hounsfield import MAX_VOXELS, compact_hu, hu_warnings
from lesion_tracker.volumes.nifti_header import check_nifti, orientation_warnings
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

READERS = {
    ".nii.gz": "NiftiImageIO",
    ".nii": "NiftiImageIO",
    ".nrrd": "NrrdImageIO",
    ".nhdr": "NrrdImageIO",
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
}
"""The file name endings that can be read, each with ITK's name of its reader."""


def suffix_of(path: Path) -> str:
    """Return the ending of `READERS` that the file name has (lower case), or ""."""
    name = path.name.lower()
    return next((suffix for suffix in READERS if name.endswith(suffix)), "")


def read_image_file(path: Path) -> Volume:
    """Read one image file.

    Args:
        path: an existing file.

    Returns:
        HU in int16 where exact, else float32, on the grid of the file in LPS mm.

    Raises:
        StudyError: for whatever is no 3D volume of finite plain numbers on an orthogonal grid.
    """
    suffix = suffix_of(path)
    if not suffix:
        raise StudyError(_not_supported(path))
    if path.stat().st_size == 0:
        raise StudyError("it is empty (0 bytes): was the upload or copy cut off?")
    nifti = check_nifti(path) if READERS[suffix] == "NiftiImageIO" else None
    if nifti is None:
        refuse_foreign_data_file(path)
    image = _read(path, READERS[suffix])
    hu = compact_hu(sitk.GetArrayFromImage(image))
    spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    grid = Grid.from_parts(image.GetSize(), spacing, origin, image.GetDirection())
    notes = orientation_warnings(nifti, grid) if nifti else ()
    return Volume(hu, grid, (*notes, *hu_warnings(hu)))


def _not_supported(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(132)
    if head[128:] == b"DICM":
        return "it is one DICOM file; give the folder that holds all slices of the series"
    return f"its ending {path.suffix!r} is none of those that can be read: {', '.join(READERS)}, or a DICOM folder"


def _read(path: Path, reader_name: str) -> sitk.Image:
    reader = sitk.ImageFileReader()
    reader.SetImageIO(reader_name)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _refuse_no_volume(reader)
        return reader.Execute()
    except RuntimeError as error:
        logger.info("ITK could not read an image: %s", error)
        raise StudyError(_likely_cause(str(error).replace(f"{path.parent}/", ""))) from None


def _refuse_no_volume(reader: sitk.ImageFileReader) -> None:
    size = reader.GetSize()
    text = " x ".join(str(n) for n in size)
    if reader.GetNumberOfComponents() != 1:
        raise StudyError(
            f"it has {reader.GetNumberOfComponents()} values a voxel: a colour, vector or complex image is no CT"
        )
    if len(size) < 3:
        raise StudyError(f"it is {len(size)}D ({text}): one slice or a picture; tracking needs a volume")
    if len(size) > 3:
        raise StudyError(f"it is {len(size)}D ({text}): a time series or several volumes in one file? Split it first")
    if min(size) < 2:
        raise StudyError(f"it has a single slice ({text}); tracking needs a volume of at least 2 slices on every axis")
    if size[0] * size[1] * size[2] > MAX_VOXELS:
        raise StudyError(f"it has {text} voxels, more than the {MAX_VOXELS} that are accepted")


def _likely_cause(reason: str) -> str:
    if "orthonormal" in reason:
        return "its axes are not orthogonal: sheared, or acquired with gantry tilt; resample it to such a grid first"
    last = re.sub(r"ITK ERROR: \w+\(\w+\): ?", "", " ".join(reason.strip().splitlines()[-1].split()))
    return f"it cannot be read as an image: truncated, damaged, or another format renamed? ITK says: {last}"
