"""What every deformable method does with its field: measure it, and keep it only if a body can move like that."""

import time

import numpy as np
from scipy import ndimage

from lib.registration.common_box import CommonPart
from lib.registration.point_map import Displacement, FollowupFromBaseline
from lib.registration.quality import agreement

MOST_FOLDED = 0.02
"""Largest share of the common body in which the field may fold."""

FAR_MM = 60.0
"""Largest 99th percentile of the shift that the field may add to the affine map."""

WORSE_BY = 0.02
"""By how much the local correlation may drop below that of the affine map."""


def judged_dense(
    method: str,
    part: CommonPart,
    affine: FollowupFromBaseline,
    displacement: Displacement,
    seconds: dict[str, float],
) -> FollowupFromBaseline:
    """Return the deformable map, or the affine one under the method's name with `fallback` set.

    Args:
        method: "deformable" or "bspline".
        part: what it was found on.
        affine: the map it started from.
        displacement: on the grid of `part`; as float16, which holds it to 0.03 mm.
        seconds: so far.
    """
    started = time.perf_counter()
    field = Displacement(displacement.grid, displacement.shift_mm.astype(np.float16).astype(np.float32))
    quality = {**affine.quality, **_measured(part, field)}
    reason = _implausible(quality)
    seconds = {**seconds, "quality": seconds.get("quality", 0.0) + time.perf_counter() - started}
    if reason:
        fallback = affine.fallback or f"affine only: {reason}"
        return FollowupFromBaseline(method, affine.matrix, None, quality, seconds, fallback)
    return FollowupFromBaseline(method, affine.matrix, field, quality, seconds, affine.fallback)


def _measured(part: CommonPart, field: Displacement) -> dict[str, float]:
    spacing, seen = part.fixed.image.spacing_mm, part.mask
    moved, body = _warped(part, field)
    before = agreement(part.fixed.image.hu, part.fixed.body, part.moved.image.hu, part.moved.body, seen, spacing)
    after = agreement(part.fixed.image.hu, part.fixed.body, moved, body, seen, spacing)
    inside = part.fixed.body & seen
    length = np.linalg.norm(field.shift_mm[inside], axis=-1) if inside.any() else np.zeros(1)
    return {
        **after,
        "local_ncc_before": before["local_ncc"],
        "folded": float((_jacobian(field.shift_mm, spacing)[inside] <= 0).mean()) if inside.any() else 1.0,
        "shift_median_mm": float(np.median(length)),
        "shift_p99_mm": float(np.quantile(length, 0.99)),
        "inverse_mm": _inverse_error(field),
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


def _implausible(quality: dict[str, float]) -> str:
    if quality["folded"] > MOST_FOLDED:
        return f"the deformation folds in {100 * quality['folded']:.1f} % of the body"
    if quality["shift_p99_mm"] > FAR_MM:
        return f"the deformation moves the body by {quality['shift_p99_mm']:.0f} mm"
    if quality["local_ncc"] < quality["local_ncc_before"] - WORSE_BY:
        return (
            f"the deformation lowers the local correlation from {quality['local_ncc_before']:.2f} "
            f"to {quality['local_ncc']:.2f}"
        )
    return ""
