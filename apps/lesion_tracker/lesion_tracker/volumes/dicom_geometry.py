"""Slice headers → one orthogonal grid; missing, repeated and tilted slices are found by their positions."""

import numpy as np

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_headers import SliceHeader
from lesion_tracker.volumes.grid import ORTHOGONALITY_TOLERANCE, Grid

GAP_TOLERANCE = 0.1
"""A gap may differ from the usual one by this fraction."""

ROUNDING_MM = 0.11
"""Some headers round positions to 0.1 mm, so that slices 0.625 mm apart lie 0.6 or 0.7 mm apart."""

REPEATED_MM = 0.01
"""Slices closer than this are the same position."""

DRIFT_MM = 0.1
"""Sideways drift along the whole series that still counts as rounding."""


def sort_slices(headers: list[SliceHeader]) -> list[SliceHeader]:
    """Return the slices in ascending order along row x column.

    Raises:
        StudyError: for fewer than 2 slices, a missing geometry, or slices of different size, spacing or orientation.
    """
    if len(headers) < 2:
        raise StudyError(f"the series has a single slice ({headers[0].path.name}); tracking needs a volume")
    _refuse_different(headers, "PixelSpacing", 2, 1e-4)
    _refuse_different(headers, "ImageOrientationPatient", 6, ORTHOGONALITY_TOLERANCE)
    _refuse_different(headers, "Rows", 1, 0.0)
    _refuse_different(headers, "Columns", 1, 0.0)
    _, _, normal = _axes(headers[0])
    return sorted(headers, key=lambda header: float(np.dot(header.required("ImagePositionPatient", 3), normal)))


def _refuse_different(headers: list[SliceHeader], keyword: str, count: int, tolerance: float) -> None:
    first = np.array(headers[0].required(keyword, count))
    for header in headers[1:]:
        other = np.array(header.required(keyword, count))
        if np.abs(other - first).max() > tolerance:
            raise StudyError(
                f"{keyword} differs within the series: {first.tolist()} in {headers[0].path.name}, {other.tolist()} in "
                f"{header.path.name}; scouts or reformats among the slices?"
            )


def _axes(header: SliceHeader) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the unit LPS directions of columns (i), rows (j) and slices (k)."""
    orientation = np.array(header.required("ImageOrientationPatient", 6))
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    cosine = float(abs(row @ column))
    if max(abs(length - 1) for length in lengths) > 0.01 or cosine > ORTHOGONALITY_TOLERANCE:
        raise StudyError(
            f"{header.path.name}: ImageOrientationPatient {orientation.tolist()} is not two orthogonal unit vectors: "
            "damaged header?"
        )
    row = row / lengths[0]
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    return row, column, np.cross(row, column)


def grid_of_slices(slices: list[SliceHeader]) -> Grid:
    """Return the grid of sorted slices.

    Args:
        slices: as `sort_slices` returns them.

    Returns:
        The k axis lies along row x column; its step is the mean distance of neighbouring slices.

    Raises:
        StudyError: for repeated or missing slices, irregular distances, or gantry tilt.
    """
    row, column, normal = _axes(slices[0])
    positions = np.array([header.required("ImagePositionPatient", 3) for header in slices])
    if not np.isfinite(positions).all():
        raise StudyError("ImagePositionPatient of a slice is not finite: damaged header?")
    along = positions @ normal
    _refuse_repeated(slices, along)
    _refuse_gaps(slices, along)
    _refuse_tilt(slices, positions, along, normal)
    between_rows, between_columns = slices[0].required("PixelSpacing", 2)
    step = (along[-1] - along[0]) / (len(slices) - 1)
    size = int(slices[0].required("Columns", 1)[0]), int(slices[0].required("Rows", 1)[0]), len(slices)
    direction = np.stack([row, column, normal], axis=1)
    return Grid.from_parts(size, np.array([between_columns, between_rows, step]), positions[0], direction)


def _refuse_repeated(slices: list[SliceHeader], along: np.ndarray) -> None:
    repeated = np.flatnonzero(np.diff(along) < REPEATED_MM)
    if repeated.size:
        first = int(repeated[0])
        raise StudyError(
            f"{repeated.size} of {len(slices)} slices repeat the position of another ({slices[first].path.name} and "
            f"{slices[first + 1].path.name}, both at {along[first]:.2f} mm along the normal): files copied twice, or "
            "several phases in one series?"
        )


def _refuse_gaps(slices: list[SliceHeader], along: np.ndarray) -> None:
    gaps = np.diff(along)
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    tolerance = max(GAP_TOLERANCE * usual, min(ROUNDING_MM, 0.3 * usual))
    odd = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if not odd.size:
        return
    first = int(odd[0])
    where = f"{gaps[first]:.2f} mm between {slices[first].path.name} and {slices[first + 1].path.name}"
    steps = gaps[odd] / usual
    if (np.abs(steps - np.rint(steps)) < GAP_TOLERANCE).all() and (steps > 1).all():
        missing = int((np.rint(steps) - 1).sum())
        raise StudyError(
            f"{missing} missing slice(s): {where}, elsewhere {usual:.2f} mm; was the transfer or export cut short?"
        )
    raise StudyError(
        f"the distance of neighbouring slices varies from {gaps.min():.2f} to {gaps.max():.2f} mm ({where}): missing "
        "slices, or several acquisitions in one series?"
    )


def _refuse_tilt(slices: list[SliceHeader], positions: np.ndarray, along: np.ndarray, normal: np.ndarray) -> None:
    sideways = positions - positions[0] - np.outer(along - along[0], normal)
    drift = float(np.linalg.norm(sideways, axis=1).max())
    length = float(along[-1] - along[0])
    if drift > max(DRIFT_MM, ORTHOGONALITY_TOLERANCE * length):
        tilt = slices[0].numbers("GantryDetectorTilt")
        header = f", GantryDetectorTilt {tilt[0]:g} degrees" if tilt else ""
        raise StudyError(
            f"its slices are not stacked along their normal: they drift {drift:.1f} mm sideways over {length:.1f} mm "
            f"({np.degrees(np.arctan2(drift, length)):.1f} degrees{header}): acquired with gantry tilt; resample it to "
            "an orthogonal grid first"
        )
