"""What every deformable method does: find a field on what both studies cover, and keep it if a body can move like that."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import process_pool
from lesion_tracker.registration.common_box import CommonPart, common_part
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.point_map import Displacement, FollowupFromBaseline
from lesion_tracker.registration.quality import agreement, local_correlation
from lesion_tracker.registration.working import cubic_grid
from lesion_tracker.volumes.volume import Volume

MOST_FOLDED = 0.02
"""Largest share of the common body in which the field may fold; 26 right pairs had none, 38 wrong ones up to 0.028."""

FAR_MM = 60.0
"""Largest 99th percentile of the shift that the field may add to the affine map; 26 right pairs had 23 mm at most."""

FADE_MM = 30.0
"""Over this distance above and below the common coverage the field fades to the affine map.

Held constant instead, it made points beyond the coverage of constructed copies 2 to 6 mm worse than the affine map.
"""

WORSE_BY = 0.02
"""By how much the local correlation may drop below that of the affine map; it rose in all of 26 right and 38 wrong pairs."""


@dataclass(frozen=True)
class DenseMethod:
    """A deformable method.

    Args:
        name: of the method.
        library: that finds the field, for the reader of an answer.
        spacing_mm: of the voxels that it works on.
        most_voxels: of these; larger studies are read on coarser ones.
        find: gives the field on the grid of the fixed image; raises RegistrationFailed where the library finds none.
    """

    name: str
    library: str
    spacing_mm: float
    most_voxels: float
    find: Callable[[CommonPart], Displacement]

    def register(self, baseline: Volume, followup: Volume, affine: FollowupFromBaseline) -> FollowupFromBaseline:
        """Find the map.

        Args:
            baseline: the earlier study.
            followup: the later study.
            affine: their affine map.

        Returns:
            the map; with `fallback` and a doubt set, and the affine map inside, if no plausible deformation was found.
        """
        started = time.perf_counter()
        part = common_part(baseline, followup, affine.matrix, self.spacing_mm, self.most_voxels)
        ready = time.perf_counter()
        try:
            displacement = self.find(part)
        except RegistrationFailed as error:
            told = f"{self.library} found no deformation ({error})"
            return affine_only(self.name, affine, process_pool.failed(error, told))
        done = time.perf_counter()
        seconds = {**affine.seconds, "prepare": ready - started, self.name: done - ready}
        return judged_dense(self.name, part, affine, displacement, seconds)


def images_of(part: CommonPart) -> dict[str, Any]:
    """Return the part as a job of the process pool takes it: both images, the mask of where both were scanned, spacing."""
    fixed = part.fixed.image
    return {
        "fixed": fixed.hu,
        "moving": part.moved.image.hu,
        "mask": part.mask.astype(np.uint8),
        "spacing": fixed.spacing_mm,
    }


def judged_dense(
    method: str,
    part: CommonPart,
    affine: FollowupFromBaseline,
    displacement: Displacement,
    seconds: dict[str, float],
) -> FollowupFromBaseline:
    """Return the deformable map, or the affine one under the method's name with `fallback` set.

    Args:
        method: "deformable", "bspline" or "local".
        part: what it was found on.
        affine: the map it started from.
        displacement: on the grid of `part`.
        seconds: so far.
    """
    started = time.perf_counter()
    field = faded(displacement, part)
    quality = {**affine.quality, **_measured(part, displacement), "inverse_mm": _inverse_error(field)}
    impossible = _implausible(quality)
    seconds = {**seconds, "quality": seconds.get("quality", 0.0) + time.perf_counter() - started}
    if impossible:
        answer = affine_only(method, affine, impossible)
        return replace(answer, quality=quality, seconds=seconds)
    return FollowupFromBaseline(method, affine.matrix, field, quality, seconds, affine.fallback, affine.doubts)


def affine_only(method: str, affine: FollowupFromBaseline, doubt: Doubt) -> FollowupFromBaseline:
    """Return the affine map under the name of a method that found no deformation, and why it did not."""
    told = replace(doubt, sentence=f"{doubt.sentence}; the affine map is used")
    fallback = affine.fallback or f"affine only: {doubt.sentence}"
    return replace(affine, method=method, fallback=fallback, doubts=(*affine.doubts, told))


def faded(displacement: Displacement, part: CommonPart) -> Displacement:
    """Return the field with its edge planes carried on beyond the common coverage, fading to nothing.

    Args:
        displacement: on the grid of `part`.
        part: its mask says which planes both studies cover.

    Returns:
        a field on a longer grid, in steps of float16, so that the cache returns exactly what was computed.
    """
    planes = np.flatnonzero((part.mask & part.fixed.body).any(axis=(1, 2)))
    first, last = (int(planes[0]), int(planes[-1])) if len(planes) else (0, displacement.grid.size[2] - 1)
    spacing = float(displacement.grid.spacing_mm[2])
    count = int(np.ceil(FADE_MM / spacing))
    shift = np.pad(displacement.shift_mm[first : last + 1], ((count, count), (0, 0), (0, 0), (0, 0)), mode="edge")
    ramp = np.arange(count) / count
    weight = np.concatenate([ramp, np.ones(last + 1 - first), ramp[::-1]])[:, None, None, None]
    origin = displacement.grid.origin_mm + np.array([0.0, 0.0, (first - count) * spacing])
    grid = cubic_grid(origin, np.array(shift.shape[2::-1]), spacing)
    return Displacement(grid, (shift * weight).astype(np.float16).astype(np.float32))


def _measured(part: CommonPart, field: Displacement) -> dict[str, float]:
    spacing, seen = part.fixed.image.spacing_mm, part.mask
    moved, body = _warped(part, field)
    both = part.fixed.body & part.moved.body & seen
    before = local_correlation(part.fixed.image.hu, part.moved.image.hu, both, spacing)
    after = agreement(part.fixed.image.hu, part.fixed.body, moved, body, seen, spacing)
    inside = part.fixed.body & seen
    length = np.linalg.norm(field.shift_mm[inside], axis=-1) if inside.any() else np.zeros(1)
    return {
        **after,
        "voxel_mm": spacing,
        "local_ncc_before": before,
        "folded": float((_jacobian(field.shift_mm, spacing)[inside] <= 0).mean()) if inside.any() else 1.0,
        "shift_median_mm": float(np.median(length)),
        "shift_p99_mm": float(np.quantile(length, 0.99)),
    }


def _warped(part: CommonPart, field: Displacement) -> tuple[np.ndarray, np.ndarray]:
    """Return the moved image and its body after the field."""
    index = np.indices(part.mask.shape, dtype=np.float32)
    index += np.moveaxis(field.shift_mm[..., ::-1], -1, 0) / np.float32(part.fixed.image.spacing_mm)
    moved = ndimage.map_coordinates(part.moved.image.hu, index, order=1, mode="nearest")
    body = ndimage.map_coordinates(part.moved.body.astype(np.float32), index, order=1, mode="nearest") > 0.5
    return moved, body


def _jacobian(shift_mm: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Return the determinant of the local stretch at every node."""
    rows = [[_slope(shift_mm[..., i], axis, spacing_mm) + float(i == 2 - axis) for axis in (2, 1, 0)] for i in range(3)]
    (a, b, c), (d, e, f), (g, h, i) = rows
    return np.asarray(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


def _slope(values: np.ndarray, axis: int, spacing_mm: float) -> np.ndarray:
    if values.shape[axis] < 2:
        return np.zeros_like(values)
    return np.asarray(np.gradient(values, spacing_mm, axis=axis))


def _inverse_error(field: Displacement) -> float:
    """Return the largest distance (mm) by which 200 points miss themselves forward and back."""
    low, high = field.grid.bounds_mm()
    points = np.random.default_rng(7).uniform(low + 0.1 * (high - low), high - 0.1 * (high - low), (200, 3))
    there = FollowupFromBaseline("deformable", np.eye(4), field)
    return float(np.linalg.norm(there.inverse(there(points)) - points, axis=1).max())


def _implausible(quality: dict[str, float]) -> Doubt | None:
    """Return why no body deforms like that, or None."""
    if quality["folded"] > MOST_FOLDED:
        told = f"the deformation folds in {100 * quality['folded']:.1f} % of the body"
        return Doubt("deformation", quality["folded"], MOST_FOLDED, told)
    if quality["shift_p99_mm"] > FAR_MM:
        told = f"the deformation moves the body by {quality['shift_p99_mm']:.0f} mm"
        return Doubt("deformation", quality["shift_p99_mm"], FAR_MM, told)
    before = quality["local_ncc_before"]
    if quality["local_ncc"] < before - WORSE_BY:
        told = f"the deformation lowers the local correlation from {before:.2f} to {quality['local_ncc']:.2f}"
        return Doubt("deformation", quality["local_ncc"], before, told)
    return None
