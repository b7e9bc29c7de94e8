"""What kind of images a DICOM series holds: a scan in HU, or a scout, a picture, a reformat, a map of something else."""

import re

import numpy as np

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_headers import SliceHeader

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""SOP class of screenshots and of pages of text, which scanners store with modality CT, too."""

NO_SCAN = re.compile(r"SCREEN.?SAVE|SCREENSHOT|DOSE")
BLENDED = re.compile(r"(?<![A-Z])(CPR|MIP|MINIP|VRT|SSD|VOLUME RENDERING)(?![A-Z])")
REFORMATTED = re.compile(r"(?<![A-Z])(MPR|REFORMATTED)(?![A-Z])")
MATERIAL = re.compile(r"IODINE|MAT_SPECIFIC|MAT_FRACTIONAL|MAT_VALUE_BASED|EFF_ATOMIC_NUM|ELECTRON_DENSITY|UNCERTAINTY")
"""Words of ImageType (0008,0008); the standard leaves its third value and those behind it to the vendors."""

HU_TYPES = ("", "HU", "US", "HU_MOD")
"""RescaleTypes (0028,1054) that are Hounsfield units, unspecified, or nearly HU; others name another quantity."""

AXIAL = 0.9
"""|cosine| between the normal of axial slices and the patient's long axis: up to 25 degrees of tilt."""


def refuse_no_scan(headers: list[SliceHeader], *, any_modality: bool, reformats: bool) -> None:
    """Refuse what a scanner's console made of a scan, and what is none.

    Args:
        headers: of a series, at least one.
        any_modality: accept what is not CT, and values that are no HU.
        reformats: accept axial reformats, whose slices are interpolated, but whose values are not blended.

    Raises:
        StudyError: says what it is instead.
    """
    modalities = sorted({header.text("Modality") or "(none)" for header in headers})
    if modalities != ["CT"] and not any_modality:
        hint = ": a dose report?" if modalities == ["SR"] else "; HU are needed"
        raise StudyError(f"its modality is {', '.join(modalities)}, not CT{hint}")
    localizers = [header for header in headers if "LOCALIZER" in header.words("ImageType")]
    if localizers:
        raise StudyError(
            f"{len(localizers)} of its {len(headers)} files are localizer images (ImageType "
            f"{'/'.join(localizers[0].words('ImageType'))}): a scout, not the scan itself"
        )
    for header in headers:
        kind = _kind(header)
        if header.text("SOPClassUID") == SECONDARY_CAPTURE or NO_SCAN.search(kind.upper()):
            raise StudyError(
                f"{header.path.name} is a screen capture (ImageType {kind or 'not given'}): a dose report or a saved "
                "picture, not a scan"
            )
        _refuse_reformat(header, kind, reformats)
    quantities = _no_hu(headers)
    if quantities and not any_modality:
        raise StudyError(
            f"its values are no HU (RescaleType {', '.join(quantities)}): a map of a material or another quantity; open "
            "the CT that it was made from"
        )


def kind_warnings(headers: list[SliceHeader]) -> tuple[str, ...]:
    """Say what is odd about the kind of a series that was accepted.

    Args:
        headers: of its slices.
    """
    notes = []
    first, kind = headers[0], _kind(headers[0])
    if first.text("Modality") != "CT":
        notes.append(f"its modality is {first.text('Modality') or '(none)'}, not CT: the values are no HU")
    quantities = _no_hu(headers)
    if quantities:
        notes.append(f"its RescaleType is {', '.join(quantities)}: the values are no HU")
    if REFORMATTED.search(kind.upper()):
        notes.append(f"it is a reformatted view (ImageType {kind}): its slices are interpolated")
    doubt = doubt_of(headers)
    if doubt:
        notes.append(doubt)
    return tuple(notes)


def doubt_of(headers: list[SliceHeader]) -> str:
    """Say why another series of the same study should be preferred; "" where nothing speaks against this one."""
    kind = _kind(headers[0])
    if MATERIAL.search(kind.upper()):
        return f"its ImageType {kind} is that of a material map: the values may be no HU"
    if any(header.text("RescaleType").upper() == "HU_MOD" for header in headers):
        return "its RescaleType is HU_MOD: its HU were changed by a calculation"
    return ""


def named(headers: list[SliceHeader]) -> str:
    """Return the names of some files, and that there are more."""
    return ", ".join(header.path.name for header in headers[:5]) + (", …" if len(headers) > 5 else "")


def _kind(header: SliceHeader) -> str:
    return "/".join(header.words("ImageType"))


def _no_hu(headers: list[SliceHeader]) -> list[str]:
    return sorted(
        {header.text("RescaleType") for header in headers if header.text("RescaleType").upper() not in HU_TYPES}
    )


def _refuse_reformat(header: SliceHeader, kind: str, accepted: bool) -> None:
    blended = bool(BLENDED.search(kind.upper()))
    if not blended and not REFORMATTED.search(kind.upper()):
        return
    fact = f"it is a reformatted view (ImageType {kind}), whose slices are"
    if blended:
        raise StudyError(f"{fact} blended or interpolated: open the series that it was made from")
    if not accepted:
        raise StudyError(
            f"{fact} interpolated: open the series that it was made from; an axial one is taken with the option reformats"
        )
    if not _is_axial(header):
        raise StudyError(f"{fact} interpolated and not axial: open the series that it was made from")


def _is_axial(header: SliceHeader) -> bool:
    orientation = header.numbers("ImageOrientationPatient")
    return len(orientation) == 6 and abs(float(np.cross(orientation[:3], orientation[3:])[2])) >= AXIAL
