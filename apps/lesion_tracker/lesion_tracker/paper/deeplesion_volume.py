"""One sub-volume of DeepLesion: 16-bit PNG slices to NIfTI in exactly the geometry of the data's own converter.

That converter stacks the slices to an array (row, column, slice) with the RAS affine [[0, −s_y, 0], [−s_x, 0, 0],
[0, 0, −s_z]]: in LPS the rows run along +y, the columns along +x and the slices along −z, so the first slice lies on
top. A missing slice is refused here; the original would write the runs before and after it as two volumes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from lesion_tracker.errors import StudyError
from lesion_tracker.paper.deeplesion_info import SubVolume
from lesion_tracker.scoring.provenance import hash_of
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

HU_OFFSET = 32768
"""The files hold HU + 32768."""
SIXTEEN_BIT = ("I;16", "I;16B", "I")


def convert(volume: SubVolume, images: Path, folder: Path) -> str:
    """Write a sub-volume, read it back, and return the SHA-256 of its file.

    Args:
        volume: what to write.
        images: DeepLesion's folder Images_png.
        folder: where to; exists.

    Raises:
        StudyError: for a missing or wrong slice (named), or a file that does not hold what was written; no file is left.
    """
    paths = volume.slice_paths(images)
    missing = [path for path in paths if not path.is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise StudyError(f"{volume.name}: there is no slice {missing[0]}{more}")
    written = volume_of([_slice(path) for path in paths], volume.spacing_mm, volume.name)
    target = folder / volume.name
    write_volume(written, target)
    back = read_volume(target)
    if not back.grid.equals(written.grid) or not np.array_equal(back.hu, written.hu):
        target.unlink()
        raise StudyError(f"{volume.name}: the file does not hold what was written: a faulty or full disk?")
    return hash_of(target)


def volume_of(slices: Sequence[np.ndarray], spacing_mm: tuple[float, float, float], name: str) -> Volume:
    """Return slices (rows, columns) of HU as a volume whose NIfTI index is (row, column, slice).

    Raises:
        StudyError: if the slices differ in size.
    """
    shapes = {image.shape for image in slices}
    if len(shapes) > 1:
        raise StudyError(f"{name}: its slices have different sizes {sorted(shapes)}")
    rows, columns = slices[0].shape
    x, y, z = spacing_mm
    lps_from_index = np.array([[0.0, x, 0.0, 0.0], [y, 0.0, 0.0, 0.0], [0.0, 0.0, -z, 0.0], [0.0, 0.0, 0.0, 1.0]])
    hu = np.stack([image.T for image in slices])  # [slice, column, row]: the row index runs fastest
    return Volume(hu, Grid((rows, columns, len(slices)), lps_from_index))


def _slice(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            if image.format != "PNG" or image.mode not in SIXTEEN_BIT:
                raise StudyError(f"{path} is no 16-bit gray PNG: {image.format}, mode {image.mode}")
            values = np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:  # Pillow says SyntaxError for a torn PNG
        raise StudyError(f"{path} cannot be read as an image: {error}") from None
    return (values.astype(np.int32) - HU_OFFSET).astype(np.int16)
