"""One image file → Volume: NIfTI by itself, NRRD and MetaImage through ITK, with its silent acceptances refused or said."""

import logging
import math
import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.grid import Grid, straight
from lesion_tracker.volumes.hounsfield import compact_hu, hu_warnings
from lesion_tracker.volumes.limits import MOST_MB, refuse_skips, refuse_too_large
from lesion_tracker.volumes.nifti_file import read_nifti
from lesion_tracker.volumes.packed import refuse_damaged_packing
from lesion_tracker.volumes.plausible import extent_warnings, refuse_no_volume
from lesion_tracker.volumes.text_header import TextHeader, read_text_header
from lesion_tracker.volumes.text_place import place_warnings, unit_of
from lesion_tracker.volumes.unchanged import unchanged
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


def read_image_file(path: Path, most_mb: float = MOST_MB) -> Volume:
    """Read one image file.

    Args:
        path: an existing file.
        most_mb: MiB of voxels that are accepted.

    Returns:
        HU in int16 where exact, else float32, on the grid of the file in LPS mm.

    Raises:
        StudyError: for whatever is no 3D volume of finite plain numbers on an orthogonal grid of a plausible extent.
    """
    suffix = suffix_of(path)
    if not suffix:
        raise StudyError(_not_supported(path))
    if path.stat().st_size == 0:
        raise StudyError("it is empty (0 bytes): was the upload or copy cut off?")
    if READERS[suffix] == "NiftiImageIO":
        with unchanged([path]):
            return read_nifti(path, most_mb)
    header = read_text_header(path)
    with unchanged([path, *(path.parent / name for name in header.data_files if (path.parent / name).is_file())]):
        refuse_skips(header, path)
        return _read(path, READERS[suffix], header, most_mb)


def _not_supported(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(132)
    if head[128:] == b"DICM":
        return "it is one DICOM file; give the folder that holds all slices of the series"
    return f"its ending {path.suffix!r} is none of those that can be read: {', '.join(READERS)}, or a DICOM folder"


def _read(path: Path, reader_name: str, header: TextHeader, most_mb: float) -> Volume:
    reader = sitk.ImageFileReader()
    reader.SetImageIO(reader_name)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        refuse_no_volume(reader.GetSize(), reader.GetNumberOfComponents())
        refuse_too_large(reader.GetSize(), _voxel_bytes(reader), most_mb)
        refuse_damaged_packing(header, path, math.prod(reader.GetSize()) * _voxel_bytes(reader))
        unit, mm, notes = unit_of(header)
        grid = _grid(reader, mm)
        notes = (*place_warnings(header), *notes, *extent_warnings(grid, unit))
        hu = compact_hu(sitk.GetArrayFromImage(reader.Execute()))
    except RuntimeError as error:
        logger.info("ITK could not read an image: %s", error)
        raise StudyError(_likely_cause(str(error).replace(f"{path.parent}/", ""))) from None
    return Volume(hu, grid, (*notes, *hu_warnings(hu)))


def _voxel_bytes(reader: sitk.ImageFileReader) -> int:
    """Return the bytes of one voxel, from the words of its type ("16-bit signed integer")."""
    bits = re.match(r"\d+", sitk.GetPixelIDValueAsString(reader.GetPixelID()))
    return int(bits[0]) // 8 if bits else 8


def _grid(reader: sitk.ImageFileReader, mm: float) -> Grid:
    """Return the grid that a file's header says; rounding of its directions is taken out."""
    direction = np.array(reader.GetDirection()).reshape(3, 3)
    spacing, origin = np.array(reader.GetSpacing()) * mm, np.array(reader.GetOrigin()) * mm
    return Grid.from_parts(reader.GetSize(), spacing, origin, straight(direction))


def _likely_cause(reason: str) -> str:
    if "orthonormal" in reason:
        return "its axes are not orthogonal: sheared, or acquired with gantry tilt; resample it to such a grid first"
    last = re.sub(r"ITK ERROR: \w+\(\w+\): ?", "", " ".join(reason.strip().splitlines()[-1].split()))
    return f"it cannot be read as an image: truncated, damaged, or another format renamed? ITK says: {last}"
