"""A folder with one DICOM series → Volume: the headers decide whether it is one gapless, orthogonal CT.

By hand up to the voxels, because the refusals are the product: ITK reads a series with a gap, and moves what lies behind it.
"""

import logging
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_folders import read_headers
from lesion_tracker.volumes.dicom_geometry import grid_of_slices, sort_slices
from lesion_tracker.volumes.dicom_headers import SliceHeader
from lesion_tracker.volumes.dicom_kinds import kind_warnings, named, refuse_no_scan
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.hounsfield import MAX_VOXELS, compact_hu, hu_warnings
from lesion_tracker.volumes.limits import MOST_MB, refuse_too_large
from lesion_tracker.volumes.plausible import extent_warnings
from lesion_tracker.volumes.unchanged import unchanged
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)


def read_dicom_series(
    path: Path, *, any_modality: bool = False, reformats: bool = False, most_mb: float = MOST_MB
) -> Volume:
    """Read one series through ITK (GDCM).

    Args:
        path: a folder with the slices of exactly one series, in it or in folders below it, or `FOLDER#UID`; their order
            and names do not matter.
        any_modality: accept what is not CT.
        reformats: accept axial reformats.
        most_mb: MiB of voxels that are accepted, at two bytes a voxel.

    Returns:
        HU with RescaleSlope and RescaleIntercept applied; slices ascend along row x column.

    Raises:
        StudyError: see `read_volume`.
    """
    headers = read_headers(path)
    with unchanged([header.path for header in headers]):
        slices, grid = grid_of_headers(headers, any_modality=any_modality, reformats=reformats)
        refuse_too_large(grid.size, 2, most_mb)
        hu = compact_hu(_read_voxels(slices))
    notes = (*kind_warnings(slices), *_series_warnings(slices, float(grid.spacing_mm[2])), *extent_warnings(grid))
    return Volume(hu, grid, (*_folder_warnings(headers), *notes, *hu_warnings(hu)))


def grid_of_headers(
    headers: list[SliceHeader], *, any_modality: bool = False, reformats: bool = False
) -> tuple[list[SliceHeader], Grid]:
    """Return the slices of a series in their order and its grid, from the headers alone.

    Raises:
        StudyError: for what is not one gapless, orthogonal CT of plain slices; see `read_volume`.
    """
    _refuse_several_series(headers)
    refuse_no_scan(headers, any_modality=any_modality, reformats=reformats)
    _refuse_no_plain_slices(headers)
    slices = sort_slices(headers)
    grid = grid_of_slices(slices)
    if int(np.prod(grid.size)) > MAX_VOXELS:
        raise StudyError(f"it has {grid.size} voxels, more than the {MAX_VOXELS} that are accepted")
    extent_warnings(grid)
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
            "Give each series a folder of its own, or name one as FOLDER#SeriesInstanceUID"
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
    without = [header for header in slices if not header.numbers("RescaleIntercept")]
    if first.text("Modality") == "CT" and len(without) == len(slices):
        notes.append("the DICOM series has no RescaleIntercept: its values may be no HU")
    elif without:
        others = sorted({_rescale(header)[1] for header in slices if header not in without})
        notes.append(
            f"{len(without)} of {len(slices)} slices have no RescaleIntercept ({named(without)}), the others "
            f"{' and '.join(f'{value:g}' for value in others)}: the HU of these slices may be wrong by that much"
        )
    thickness = first.numbers("SliceThickness")
    if thickness and 0 < thickness[0] < step_mm / 1.5:
        notes.append(f"slices of {thickness[0]:g} mm lie {step_mm:g} mm apart: every second slice missing?")
    return tuple(notes)


def _folder_warnings(headers: list[SliceHeader]) -> tuple[str, ...]:
    folders = sorted({header.path.parent for header in headers})
    if len(folders) < 2:
        return ()
    listed = ", ".join(folder.name for folder in folders[:8]) + (", …" if len(folders) > 8 else "")
    return (f"the files of the series lie in {len(folders)} folders ({listed}); they were read together",)
