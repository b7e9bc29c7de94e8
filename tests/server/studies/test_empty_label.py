"""An empty mask is refused; a mask with content, and what is no mask, is let pass."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from lesion_tracker.errors import InputError
from lesion_tracker.server.studies.empty_label import require_content


def mask(path: Path, value: int) -> Path:
    array = np.zeros((40, 50, 60), np.uint8)
    array[10, 10, 10] = value
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return path


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz"])
def test_an_empty_mask_is_refused_and_one_voxel_is_enough(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match="points are kept when they are marked"):
        require_content(mask(tmp_path / f"empty{ending}", 0), "ct")
    require_content(mask(tmp_path / f"full{ending}", 1), "ct")


def test_a_torn_mask_is_refused_and_what_is_no_mask_is_let_pass(tmp_path: Path) -> None:
    torn = tmp_path / "torn.nrrd"
    torn.write_bytes(b"NRRD0004\n")
    with pytest.raises(InputError, match="cannot be read as an image"):
        require_content(torn, "ct")
    points = tmp_path / "points.json"
    points.write_text("{}")
    require_content(points, "ct")
