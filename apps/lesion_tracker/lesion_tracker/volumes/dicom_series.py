"""A folder with one DICOM series → Volume: the headers decide whether it is one gapless, orthogonal CT.

By hand up to the voxels, because the refusals are the product: ITK reads a series with a gap, and moves what lies behind it.
"""

import logging
import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_geometry import grid_of_slices, sort_slices
from lesion_tracker.volumes.dicom_headers import SliceHeader, read_headers
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.hounsfield import MAX_VOXELS, compact_hu, hu_warnings
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""SOP class of screenshots and of pages of text, which scanners store with modality CT, too."""

NO_SCAN = re.compile(r"SCREEN.?SAVE|SCREENSHOT|DOSE")
REFORMATTED = re.compile(r"(?<![A-Z])(MPR|REFORMATTED|CPR|MIP|MINIP|VRT|SSD|VOLUME RENDERING)(?![A-Z])")
"""Words of ImageType (0008,0008); the standard leaves its third value and those behind it to the vendors."""


def read_dicom_series(folder: Path, *, any_modality: bool = False) -> Volume:
    """Read the one series of a folder through ITK (GDCM).

    Args:
        folder: holds the slices of exactly one series; their order and names do not matter.
        any_modality: accept what is not CT.

    Returns:
        HU with RescaleSlope and RescaleIntercept applied; slices ascend along row x column.

    Raises:
        StudyError: see `read_volume`.
    """
    slices, grid = grid_of_headers(read_headers(folder), any_modality=any_modality)
    hu = compact_hu(_read_voxels(slices))
    return Volume(hu, grid, (*_series_warnings(slices, float(grid.spacing_mm[2])), *hu_warnings(hu)))


def grid_of_headers(headers: list[SliceHeader], *, any_modality: bool = False) -> tuple[list[SliceHeader], Grid]:
    """Return the slices of a series in their order and its grid, from the headers alone.

    Raises:
        StudyError: for what is not one gapless, orthogonal CT of plain slices; see `read_volume`.
    """
    _refuse_several_series(headers)
    _refuse_modality(headers, any_modality)
    _refuse_localizer(headers)
    _refuse_no_scan(headers)
    _refuse_no_plain_slices(headers)
    slices = sort_slices(headers)
    grid = grid_of_slices(slices)
    if int(np.prod(grid.size)) > MAX_VOXELS:
        raise StudyError(f"it has {grid.size} voxels, more than the {MAX_VOXELS} that are accepted")
    return slices, grid


def _refuse_several_series(headers: list[SliceHeader]) -> None:
    series: dict[str, list[SliceHeader]] = {}
    for header in headers:
        series.setdefault(header.text("SeriesInstanceUID"), []).append(header)
    if len(series) > 1:
        lines = [
            f"{uid or '(no UID)'} ({len(files)} files, {files[0].text('Modality') or 'no modality'}, "
            f"{files[0].text('SeriesDescription') or 'no description'!r})"
            for uid, files in series.items()
        ]
        raise StudyError(
            f"the folder mixes {len(series)} series: {'; '.join(lines[:8])}{'; …' if len(lines) > 8 else ''}. "
            "Give each series a folder of its own"
        )


def _refuse_modality(headers: list[SliceHeader], any_modality: bool) -> None:
    modalities = sorted({header.text("Modality") or "(none)" for header in headers})
    if modalities != ["CT"] and not any_modality:
        hint = ": a dose report?" if modalities == ["SR"] else "; HU are needed"
        raise StudyError(f"its modality is {', '.join(modalities)}, not CT{hint}")


def _refuse_localizer(headers: list[SliceHeader]) -> None:
    localizers = [h for h in headers if "LOCALIZER" in {word.upper() for word in h.words("ImageType")}]
    if localizers:
        raise StudyError(
            f"{len(localizers)} of its {len(headers)} files are localizer images (ImageType "
            f"{'/'.join(localizers[0].words('ImageType'))}): a scout, not the scan itself"
        )


def _refuse_no_scan(headers: list[SliceHeader]) -> None:
    """Refuse what a scanner's console made of a scan: its HU are blended, or it is a page of text."""
    for header in headers:
        kind = "/".join(header.words("ImageType"))
        if header.text("SOPClassUID") == SECONDARY_CAPTURE or NO_SCAN.search(kind.upper()):
            raise StudyError(
                f"{header.path.name} is a screen capture (ImageType {kind or 'not given'}): a dose report or a saved "
                "picture, not a scan"
            )
        if REFORMATTED.search(kind.upper()):
            raise StudyError(
                f"it is a reformatted view (ImageType {kind}), whose slices are interpolated: open the series that it "
                "was made from"
            )


def _refuse_no_plain_slices(headers: list[SliceHeader]) -> None:
    for header in headers:
        frames = header.numbers("NumberOfFrames") or (1.0,)
        samples = header.numbers("SamplesPerPixel") or (1.0,)
        if frames[0] > 1:
            raise StudyError(
                f"{header.path.name} is multi-frame ({frames[0]:g} frames): export it as classic single-frame CT"
            )
        if samples[0] != 1:
            raise StudyError(f"{header.path.name} is a colour image ({samples[0]:g} values a pixel), no CT")


def _rescale(header: SliceHeader) -> tuple[float, float]:
    slope = (header.numbers("RescaleSlope") or (1.0,))[0]
    if slope == 0 or not np.isfinite(slope):
        raise StudyError(f"{header.path.name}: its RescaleSlope is {slope:g}; no HU can be made of it")
    return slope, (header.numbers("RescaleIntercept") or (0.0,))[0]


def _read_voxels(slices: list[SliceHeader]) -> np.ndarray:
    """ITK takes the type of the first slice for all: ask for one that holds every slice's values."""
    whole = all(value.is_integer() for header in slices for value in _rescale(header))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(header.path) for header in slices])
    reader.SetOutputPixelType(sitk.sitkInt32 if whole else sitk.sitkFloat32)
    try:
        return sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        logger.info("GDCM could not read a series: %s", error)
        bad = next((header.path.name for header in slices if not _decodes(header.path)), "a slice")
        raise StudyError(f"the pixels of {bad} cannot be decoded: truncated, or an unknown compression?") from None


def _decodes(path: Path) -> bool:
    try:
        sitk.ReadImage(str(path))
    except RuntimeError:
        return False
    return True


def _series_warnings(slices: list[SliceHeader], step_mm: float) -> tuple[str, ...]:
    notes: list[str] = []
    first = slices[0]
    if first.text("Modality") != "CT":
        notes.append(f"its modality is {first.text('Modality') or '(none)'}, not CT: the values are no HU")
    elif not first.numbers("RescaleIntercept"):
        notes.append("the DICOM series has no RescaleIntercept: its values may be no HU")
    thickness = first.numbers("SliceThickness")
    if thickness and 0 < thickness[0] < step_mm / 1.5:
        notes.append(f"slices of {thickness[0]:g} mm lie {step_mm:g} mm apart: every second slice missing?")
    return tuple(notes)
