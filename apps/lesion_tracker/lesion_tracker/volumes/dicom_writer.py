"""Volume → a series of CT Image Storage files that a PACS, a viewer and ITK take for a scanner's."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DSfloat

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import StudyError
from lesion_tracker.files.whole import written_whole
from lesion_tracker.volumes.volume import Volume

INTERCEPT_HU = -1024
"""Stored value = HU + 1024, as scanners do, unless that would overflow 16 bits."""


@dataclass(frozen=True)
class _Series:
    patient_id: str
    study_uid: str
    series_uid: str
    study_date: str
    study_time: str
    description: str
    modality: str
    frame_of_reference_uid: str


def uid_of(*parts: str) -> str:
    """Return a valid UID that is the same for the same texts."""
    return str(generate_uid(entropy_srcs=list(parts)))


def write_dicom_series(
    volume: Volume,
    folder: Path,
    *,
    patient_id: str,
    study_uid: str,
    series_uid: str,
    study_date: str,
    study_time: str = "120000",
    description: str = "",
    modality: str = "CT",
    frame_of_reference_uid: str | None = None,
) -> list[Path]:
    """Write a volume as one DICOM series, all slices or none.

    Values are rounded to whole HU. SOPInstanceUIDs follow from `series_uid` and the slice number. A grid whose index
    frame is left-handed is written as it is, but every reader stacks its slices the other way round.

    Args:
        volume: any orthogonal grid.
        folder: must not exist or be empty.
        patient_id: also stands as the patient's name.
        study_uid: the study's UID; `uid_of` makes one from texts.
        series_uid: the series' UID.
        study_date: YYYYMMDD.
        study_time: HHMMSS; also the acquisition's.
        description: of the series.
        modality: "CT", or another for tests of its refusal.
        frame_of_reference_uid: follows from `series_uid` unless given.

    Returns:
        The files in slice order (k = 0 first).

    Raises:
        StudyError: for values beyond 16 bits, a folder that holds something, or one that cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError(
            f"{folder.name}: it exists and is not an empty folder; a second series there would mix with it"
        )
    frame = frame_of_reference_uid or uid_of(series_uid, "frame of reference")
    series = _Series(patient_id, study_uid, series_uid, study_date, study_time, description, modality, frame)
    stored, intercept = _stored_values(volume)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(folder) as draft:
            draft.mkdir()
            names = [f"{k + 1:05d}.dcm" for k in range(len(stored))]
            for k, name in enumerate(names):
                dataset = _slice(volume, series, k, stored[k], intercept)
                dataset.save_as(draft / name, write_like_original=False)
    except OSError as error:
        raise StudyError(f"{folder.name}: it cannot be written ({error}): permissions, or a full disk?") from None
    return [folder / name for name in names]


def _stored_values(volume: Volume) -> tuple[np.ndarray, int]:
    low, high = float(volume.hu.min()), float(volume.hu.max())
    limits = np.iinfo(np.int16)
    if low < limits.min or high > limits.max:
        raise StudyError(f"its values span {low:g} to {high:g}, more than DICOM's 16 bits can hold: are they HU?")
    intercept = INTERCEPT_HU if high - INTERCEPT_HU <= limits.max else 0
    return (np.rint(volume.hu).astype(np.int32) - intercept).astype("<i2"), intercept


def _decimals(values: np.ndarray | PointMm) -> list[DSfloat]:
    """DICOM's decimal strings have at most 16 characters."""
    return [DSfloat(float(value), auto_format=True) for value in values]


def _slice(volume: Volume, series: _Series, k: int, stored: np.ndarray, intercept: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID(uid_of(series.series_uid, str(k + 1)))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.is_little_endian = True
    dataset.is_implicit_VR = False
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    _identify(dataset, series, k)
    _place(dataset, volume, series, k)
    _fill(dataset, stored, intercept)
    return dataset


def _identify(dataset: Dataset, series: _Series, k: int) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Modality = series.modality
    dataset.PatientID = series.patient_id
    dataset.PatientName = series.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.StudyInstanceUID = series.study_uid
    dataset.SeriesInstanceUID = series.series_uid
    dataset.StudyID = "1"
    dataset.SeriesNumber = 1
    dataset.AcquisitionNumber = 1
    dataset.InstanceNumber = k + 1
    dataset.StudyDescription = series.description
    dataset.SeriesDescription = series.description
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.Manufacturer = ""
    dataset.PatientPosition = ""
    dataset.KVP = None
    for name in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{name}Date", series.study_date)
        setattr(dataset, f"{name}Time", series.study_time)


def _place(dataset: Dataset, volume: Volume, series: _Series, k: int) -> None:
    grid = volume.grid
    spacing = grid.spacing_mm
    dataset.FrameOfReferenceUID = series.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.ImageOrientationPatient = _decimals(grid.direction[:, :2].T.ravel())
    dataset.ImagePositionPatient = _decimals(grid.lps_from_indices(np.array([[0.0, 0.0, float(k)]]))[0])
    dataset.PixelSpacing = _decimals(np.array([spacing[1], spacing[0]]))
    dataset.SliceThickness, dataset.SpacingBetweenSlices = _decimals(np.array([spacing[2], spacing[2]]))


def _fill(dataset: Dataset, stored: np.ndarray, intercept: int) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept = intercept
    dataset.RescaleSlope = 1
    dataset.RescaleType = "HU"
    dataset.WindowCenter = 40
    dataset.WindowWidth = 400
    dataset.PixelData = stored.tobytes()
