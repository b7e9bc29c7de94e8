"""The answer of registration: a map of points in mm from a baseline to its follow-up, and back."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Affine, PointsMm
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.volumes.grid import Grid

INVERSE_TOLERANCE_MM = 0.01
FIXED_POINT_STEPS = 10


@dataclass(frozen=True, eq=False)
class Displacement:
    """A dense field of shifts in the baseline, linear between its nodes and constant beyond them.

    Args:
        grid: where the nodes lie, LPS mm of the baseline.
        shift_mm: float32, shape (z, y, x, 3); x, y, z in mm.

    Raises:
        ValueError: if the shifts do not fit the grid, or are not finite.
    """

    grid: Grid
    shift_mm: np.ndarray

    def __post_init__(self) -> None:
        """Refuse what does not fit."""
        if self.shift_mm.shape != (*self.grid.shape, 3):
            raise ValueError(f"the shifts have shape {self.shift_mm.shape}, the grid says {(*self.grid.shape, 3)}")
        if not np.isfinite(self.shift_mm).all():
            raise ValueError("the displacement holds values that are not finite")

    def __call__(self, points_mm: PointsMm) -> PointsMm:
        """Return the shift (n, 3) in mm at LPS points (n, 3) of the baseline."""
        index = self.grid.indices_from_lps(points_mm)[:, ::-1].T
        shifts = [
            ndimage.map_coordinates(self.shift_mm[..., axis], index, order=1, mode="nearest", output=np.float64)
            for axis in range(3)
        ]
        return np.stack(shifts, axis=-1)


@dataclass(frozen=True, eq=False)
class FollowupFromBaseline:
    """Where the points of a baseline lie in its follow-up: followup = matrix · (baseline + displacement(baseline)).

    Args:
        method: "affine", "deformable", "bspline", or "local": round one point.
        matrix: 4x4, LPS mm of the follow-up from LPS mm of the baseline.
        displacement: what a deformable method adds, or None.
        quality: numbers that say how well the images agree; see `lesion_tracker.registration.quality`.
        seconds: per stage.
        fallback: "" or what was used instead of the method, and why.
        doubts: why a reader should look twice; none if the studies agree as two states of one patient do.

    Raises:
        ValueError: for a matrix that is not finite, or singular, or mirrors the body.
    """

    method: str
    matrix: Affine
    displacement: Displacement | None = None
    quality: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    fallback: str = ""
    doubts: tuple[Doubt, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a matrix that maps no body onto a body."""
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise ValueError(f"the matrix must be finite and 4x4, got {matrix.tolist()}")
        determinant = float(np.linalg.det(matrix[:3, :3]))
        if determinant < 1e-6:
            raise ValueError(f"the matrix is singular or mirrors the body: its determinant is {determinant:.3g}")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    def __call__(self, points_mm: PointsMm) -> PointsMm:
        """Take LPS points (n, 3) in mm of the baseline to LPS mm of the follow-up."""
        points = np.asarray(points_mm, dtype=np.float64)
        if self.displacement is not None:
            points = points + self.displacement(points)
        return np.asarray(points @ self.matrix[:3, :3].T + self.matrix[:3, 3])

    def inverse(self, points_mm: PointsMm) -> PointsMm:
        """Take LPS points (n, 3) in mm of the follow-up to LPS mm of the baseline."""
        points = np.asarray(points_mm, dtype=np.float64) - self.matrix[:3, 3]
        points = points @ np.linalg.inv(self.matrix[:3, :3]).T
        return points if self.displacement is None else _undo(self.displacement, points)

    @property
    def radius_scale(self) -> float:
        """By how much the affine part enlarges a length: the cube root of its determinant."""
        return float(np.cbrt(np.linalg.det(self.matrix[:3, :3])))


def _undo(displacement: Displacement, targets: PointsMm) -> PointsMm:
    """Solve x + displacement(x) = target for each target; where the field folds, return the nearest found."""
    best = targets - displacement(targets)
    worst = np.linalg.norm(best + displacement(best) - targets, axis=1)
    points = best.copy()
    for step in range(60):
        open_ = np.flatnonzero(worst > INVERSE_TOLERANCE_MM)
        if open_.size == 0:
            break
        here, wanted = points[open_], targets[open_]
        miss = here + displacement(here) - wanted
        if step < FIXED_POINT_STEPS:
            here = here - miss
        else:  # shorter and shorter Newton steps, until one gains
            shorter = 0.7 ** ((step - FIXED_POINT_STEPS) % 8)
            here = best[open_] - _newton(displacement, best[open_], wanted) * shorter
        points[open_] = here
        error = np.linalg.norm(here + displacement(here) - wanted, axis=1)
        better = error < worst[open_]
        best[open_[better]], worst[open_[better]] = here[better], error[better]
    return best


def _newton(displacement: Displacement, points: PointsMm, targets: PointsMm) -> PointsMm:
    """Return the Newton step at each point, from differences over half a millimetre, bounded to 20 mm."""
    miss = points + displacement(points) - targets
    jacobian = np.empty((len(points), 3, 3))
    for axis in range(3):
        reach = np.zeros(3)
        reach[axis] = 0.25
        jacobian[:, :, axis] = (displacement(points + reach) - displacement(points - reach)) / 0.5
    jacobian += np.eye(3)
    step = np.stack([np.linalg.lstsq(j, m, rcond=1e-3)[0] for j, m in zip(jacobian, miss, strict=True)])
    length = np.linalg.norm(step, axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, 20.0 / np.maximum(length, 1e-9)))
