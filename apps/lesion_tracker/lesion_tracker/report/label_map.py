"""Tracks as spheres on exactly the follow-up's grid: the one picture of a point that OHIF can show."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.whole import refusals_of, written_whole
from lesion_tracker.records.track import Track
from lesion_tracker.volumes.grid import Grid

LabelMap = UInt8[ndarray, "z y x"]
"""0 outside all lesions."""


def sphere_label_map(grid: Grid, tracks: Sequence[Track], values: Mapping[str, int]) -> LabelMap:
    """Draw each track as a ball of its radius, at least one voxel large.

    Where balls overlap, the nearer centre wins. A track whose state has no point, or whose centre lies outside the grid, is
    not drawn.

    Args:
        grid: the follow-up's.
        tracks: what to draw.
        values: the voxel value of each lesion, by lesion id, 1 to 255.

    Raises:
        ValueError: for a lesion without a value, or a value outside 1 to 255.
    """
    drawn = [track for track in tracks if track.has_point and _inside(grid, track)]
    for track in drawn:
        if not 1 <= values.get(track.lesion_id, 0) <= 255:
            raise ValueError(
                f"lesion {track.lesion_id!r} needs a value between 1 and 255, got {values.get(track.lesion_id)!r}"
            )
    owner = np.zeros(grid.shape, dtype=np.int16)
    centers = np.array([track.center_mm for track in drawn]).reshape(-1, 3)
    for number, track in enumerate(drawn, start=1):
        _draw_ball(owner, grid, centers, number, track.expected_radius_mm)
    for number, index in enumerate(_nearest_voxels(grid, centers), start=1):
        if not (owner == number).any():
            owner[index[2], index[1], index[0]] = number
    palette = np.array([0] + [values[track.lesion_id] for track in drawn], dtype=np.uint8)
    return palette[owner]


def write_label_map(array: LabelMap, grid: Grid, path: Path, compress: bool = False) -> None:
    """Write a label map on its grid, at once; the format follows the suffix (.nrrd, .nii.gz, .mha).

    Raises:
        FileFormatError: if the array does not fit the grid, or the file cannot be written.
    """
    if array.shape != grid.shape:
        raise FileFormatError(f"the label map has shape {array.shape}, but its grid says {grid.shape} (z, y, x)")
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing([float(v) for v in grid.spacing_mm])
    image.SetOrigin([float(v) for v in grid.origin_mm])
    image.SetDirection([float(v) for v in grid.direction.ravel()])
    try:
        with refusals_of(path), written_whole(path) as draft:
            sitk.WriteImage(image, str(draft), compress)
    except RuntimeError as error:  # ITK's
        raise FileFormatError(f"{path} cannot be written: {str(error).strip().splitlines()[-1]}") from None


def _inside(grid: Grid, track: Track) -> bool:
    return bool(grid.contains(np.array([track.center_mm]))[0])


def _nearest_voxels(grid: Grid, centers_mm: Float[ndarray, "points 3"]) -> Int[ndarray, "points 3"]:
    nearest = np.rint(grid.indices_from_lps(centers_mm)).astype(np.int64)
    return np.clip(nearest, 0, np.array(grid.size) - 1)


def _draw_ball(
    owner: Int[ndarray, "z y x"], grid: Grid, centers_mm: Float[ndarray, "points 3"], number: int, radius_mm: float
) -> None:
    middle = grid.indices_from_lps(centers_mm[number - 1 : number])[0]
    reach = radius_mm / grid.spacing_mm
    low = np.clip(np.floor(middle - reach), 0, None).astype(int)
    high = np.minimum(np.ceil(middle + reach).astype(int) + 1, grid.size)
    k, j, i = np.meshgrid(*(np.arange(a, b) for a, b in zip(low[::-1], high[::-1], strict=True)), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(np.float64))
    part = owner[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    distance = np.linalg.norm(points - centers_mm[number - 1], axis=1)
    part[_wins(distance, radius_mm, points, part.ravel(), centers_mm).reshape(part.shape)] = number


def _wins(
    distance_mm: Float[ndarray, "points"],
    radius_mm: float,
    points_mm: Float[ndarray, "points 3"],
    owners: Int[ndarray, "points"],
    centers_mm: Float[ndarray, "lesions 3"],
) -> Bool[ndarray, "points"]:
    to_owner = np.linalg.norm(points_mm - centers_mm[np.maximum(owners, 1) - 1], axis=1)
    return (distance_mm <= radius_mm) & ((owners == 0) | (distance_mm < to_owner))
