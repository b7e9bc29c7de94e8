"""The B-spline method: elastix with control points every 16 mm on 2 mm voxels, from the affine map; slow, a peer."""

from typing import Any

import numpy as np
from scipy.interpolate import BSpline

from lesion_tracker.registration import elastix, process_pool
from lesion_tracker.registration.common_box import CommonPart
from lesion_tracker.registration.dense import DenseMethod, images_of
from lesion_tracker.registration.point_map import Displacement
from lesion_tracker.volumes.grid import Grid

SPACING_MM = 2.0
MOST_VOXELS = 6.0e6
FIELD_MM = 4.0
TIMEOUT_S = 1800.0
ELASTIX: dict[str, Any] = {"control_mm": 16.0, "pyramid": (4, 2, 1), "iterations": 500, "samples": 4096}

PARAMETERS = {"spacing_mm": SPACING_MM, "most_voxels": MOST_VOXELS, "field_mm": FIELD_MM, **ELASTIX}


def _displacement(part: CommonPart) -> Displacement:
    grid, origin = part.fixed.image.grid, part.fixed.image.origin_mm
    job = {**images_of(part), "fixed_origin": origin, "moving_origin": origin, **ELASTIX}
    found = process_pool.pool().run(elastix.bspline, job, TIMEOUT_S)
    return Displacement(grid, dense_field(found["coefficients"], found["origin"], found["spacing"], grid))


register_bspline = DenseMethod("bspline", "elastix", SPACING_MM, MOST_VOXELS, _displacement).register


def dense_field(coefficients: np.ndarray, origin_mm: np.ndarray, spacing_mm: np.ndarray, grid: Grid) -> np.ndarray:
    """Evaluate a uniform cubic B-spline at the nodes of a cubic grid.

    Args:
        coefficients: (z, y, x, 3), mm.
        origin_mm: LPS of the first control point.
        spacing_mm: between control points along x, y, z.
        grid: where to evaluate; axes along LPS.

    Returns:
        shifts, float32, shape (z, y, x, 3), mm.
    """
    weights = []
    for axis, count in zip((2, 1, 0), coefficients.shape[:3], strict=True):
        places = grid.origin_mm[axis] + np.arange(grid.size[axis]) * grid.spacing_mm[axis]
        knots = (places - origin_mm[axis]) / spacing_mm[axis]
        weights.append(_cubic(knots[:, None] - np.arange(count)[None, :]))
    return np.einsum("za,yb,xc,abcd->zyxd", *weights, coefficients, optimize=True).astype(np.float32)


_BUMP = BSpline.basis_element([-2.0, -1.0, 0.0, 1.0, 2.0], extrapolate=False)


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Return the cubic B-spline's weight at a distance in control points."""
    return np.nan_to_num(_BUMP(distance))
