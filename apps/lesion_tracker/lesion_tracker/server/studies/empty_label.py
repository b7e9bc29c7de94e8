"""Slicer's Submit Label sends a mask even where it holds nothing: such a mask is refused, not stored as a label."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lesion_tracker.errors import InputError

MASK_ENDINGS = (".nrrd", ".nii.gz", ".nii", ".mha", ".mhd")


def require_content(path: Path, image_id: str) -> None:
    """Refuse a mask without a single voxel that is set; what is no mask is let pass.

    Raises:
        InputError: for an empty mask, or one that cannot be read.
    """
    if not path.name.lower().endswith(MASK_ENDINGS):
        return
    try:
        values = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    except RuntimeError as error:
        raise InputError(
            f"the label for {image_id!r} cannot be read as an image: {str(error).splitlines()[-1]}"
        ) from None
    if not np.any(values):
        raise InputError(
            f"the label for {image_id!r} is empty, and was not stored: lesions are points here, and points are kept "
            "when they are marked (mark_lesion), tracked or corrected; there is nothing to submit"
        )
