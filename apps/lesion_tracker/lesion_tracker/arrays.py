"""The vocabulary of array shapes: every public signature names its arrays with these types."""

import numpy as np
from jaxtyping import Bool, Float, Float32, Num
from numpy import ndarray
from torch import Tensor

PointMm = Float[ndarray, "3"]
"""One patient position (x, y, z), DICOM LPS, millimetres."""

PointsMm = Float[ndarray, "points 3"]
"""Patient positions, DICOM LPS, millimetres."""

Indices = Num[ndarray, "points 3"]
"""Continuous voxel indices (i, j, k) = (column, row, slice); (0, 0, 0) is the centre of the first voxel."""

Affine = Float[ndarray, "4 4"]
"""Homogeneous matrix; applied to column vectors (x, y, z, 1)."""

Hu = Num[ndarray, "z y x"]
"""CT values in Hounsfield units."""

Mask = Bool[ndarray, "z y x"]
"""True inside."""

ScoreMap = Float32[Tensor, "z y x"]
"""Logits or probabilities of the cells of one search crop."""


def point_mm(values: object) -> PointMm:
    """Return three finite numbers as an LPS point in mm (float64).

    Raises:
        ValueError: if `values` are not exactly three finite numbers; text and truth values are no numbers.
    """
    if isinstance(values, list | tuple) and any(isinstance(one, str | bytes | bool) for one in values):
        raise ValueError(f"a point needs three numbers (x, y, z) in mm, got {values!r}")
    try:
        point = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):  # the last: an integer beyond what a float holds
        raise ValueError(f"a point needs three numbers (x, y, z) in mm, got {values!r}") from None
    if point.shape != (3,) or not np.isfinite(point).all():
        raise ValueError(f"a point needs three finite numbers (x, y, z) in mm, got {values!r}")
    return point
