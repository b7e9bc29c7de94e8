"""The one way in: a file or a DICOM folder → Volume, or a StudyError that says what is wrong with it."""

from pathlib import Path

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_folders import split_address
from lesion_tracker.volumes.dicom_series import read_dicom_series
from lesion_tracker.volumes.image_file import read_image_file
from lesion_tracker.volumes.limits import MOST_MB
from lesion_tracker.volumes.volume import Volume


def read_volume(path: Path, *, any_modality: bool = False, reformats: bool = False, most_mb: float = MOST_MB) -> Volume:
    """Read a CT volume.

    Args:
        path: a NIfTI, NRRD or MetaImage file, a folder with exactly one DICOM series in it or in folders below it, or
            `FOLDER#UID`, the DICOM series of that SeriesInstanceUID among others.
        any_modality: accept DICOM of a modality that is not CT, and of values that are no HU.
        reformats: accept axial reformats (ImageType MPR or REFORMATTED).
        most_mb: MiB of voxels that are accepted, as the file stores them.

    Returns:
        HU (z, y, x) in int16 where that is exact, else float32; grid in LPS mm; `warnings` name what is odd.

    Raises:
        StudyError: with the name, the fact, the value and the likely cause, when it is missing, unreadable, empty,
            truncated, no image, not 3D, coloured, not finite, not orthogonal, of an extent that no body has, not one
            gapless series, or not CT.
    """
    try:
        if path.is_dir() or split_address(path)[1]:
            return read_dicom_series(path, any_modality=any_modality, reformats=reformats, most_mb=most_mb)
        if not path.exists():
            raise StudyError("there is no such file or folder")
        return read_image_file(path, most_mb)
    except StudyError as error:
        raise StudyError(f"{path.name}: {error}") from None
    except OSError as error:
        raise StudyError(f"{path.name}: it cannot be read ({error.strerror or error}): permissions?") from None
    except MemoryError:
        raise StudyError(f"{path.name}: it does not fit into the memory of this machine") from None
