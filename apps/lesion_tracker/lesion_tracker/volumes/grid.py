"""Where the voxels of a volume lie in the patient: an index-to-LPS matrix and a size."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lesion_tracker.arrays import Affine, Indices, PointMm, PointsMm
from lesion_tracker.errors import StudyError

ORTHOGONALITY_TOLERANCE = 1e-3
"""Largest |cosine| between two axes that still counts as rounding of the header, not as shear."""

EXACT_TOLERANCE = 1e-4
"""Axes that are off by less are taken as they are, as ITK and the viewers take them."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A lattice of voxels in LPS mm.

    Args:
        size: voxels along (i, j, k), that is (columns, rows, slices).
        lps_from_index: 4x4; takes (i, j, k, 1) to LPS mm; (0, 0, 0) is the centre of the first voxel.

    Raises:
        StudyError: for an empty size, a singular matrix, or axes that are not orthogonal.
    """

    size: tuple[int, int, int]
    lps_from_index: Affine

    def __post_init__(self) -> None:
        """Refuse what is not an orthogonal lattice."""
        matrix = np.array(self.lps_from_index, dtype=np.float64)
        matrix.setflags(write=False)
        object.__setattr__(self, "lps_from_index", matrix)
        object.__setattr__(self, "size", tuple(int(n) for n in self.size))
        if len(self.size) != 3 or min(self.size) < 1:
            raise StudyError(f"a grid needs three sizes of at least 1 voxel, got {self.size}")
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise StudyError(f"lps_from_index must be a finite 4x4 matrix, got {matrix.tolist()}")
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        if (spacing < 1e-6).any():
            raise StudyError(f"lps_from_index is singular: the spacing is {spacing.tolist()} mm")
        cosines = (matrix[:3, :3] / spacing).T @ (matrix[:3, :3] / spacing)
        worst = float(np.abs(cosines - np.eye(3)).max())
        if worst > ORTHOGONALITY_TOLERANCE:
            raise StudyError(
                f"the axes are not orthogonal (cosine {worst:.3f} between two of them): sheared, or acquired with "
                "gantry tilt; resample it to an orthogonal grid first"
            )

    @classmethod
    def from_parts(
        cls, size: tuple[int, int, int], spacing_mm: PointMm, origin_mm: PointMm, direction: object
    ) -> "Grid":
        """Build a grid from an ITK header: columns of the 3x3 `direction` are the LPS directions of i, j, k."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(direction, dtype=np.float64).reshape(3, 3) * np.asarray(
            spacing_mm, dtype=np.float64
        )
        matrix[:3, 3] = origin_mm
        return cls(size, matrix)

    @property
    def spacing_mm(self) -> PointMm:
        """Distance of neighbouring voxels along i, j, k in mm."""
        return np.asarray(np.linalg.norm(self.lps_from_index[:3, :3], axis=0))

    @property
    def direction(self) -> np.ndarray:
        """3x3; its columns are the LPS directions of i, j, k (unit length)."""
        return np.asarray(self.lps_from_index[:3, :3] / self.spacing_mm)

    @property
    def origin_mm(self) -> PointMm:
        """LPS position of the centre of voxel (0, 0, 0)."""
        return np.asarray(self.lps_from_index[:3, 3])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Array shape (z, y, x) = (slices, rows, columns)."""
        return self.size[2], self.size[1], self.size[0]

    @cached_property
    def index_from_lps(self) -> Affine:
        """4x4; takes LPS mm to voxel indices. Found once: on a busy machine LAPACK's threads wait for each other."""
        return _read_only(np.linalg.inv(self.lps_from_index))

    @cached_property
    def _steps_from_mm(self) -> np.ndarray:
        return _read_only(np.linalg.inv(self.lps_from_index[:3, :3]))

    def lps_from_indices(self, indices: Indices) -> PointsMm:
        """Take continuous voxel indices, shape (n, 3) as (i, j, k), to LPS mm."""
        return np.asarray(
            np.asarray(indices, dtype=np.float64) @ self.lps_from_index[:3, :3].T + self.lps_from_index[:3, 3]
        )

    def indices_from_lps(self, points_mm: PointsMm) -> PointsMm:
        """Take LPS points in mm, shape (n, 3), to continuous voxel indices (i, j, k)."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.lps_from_index[:3, 3]
        return np.asarray(offset @ self._steps_from_mm.T)

    def contains(self, points_mm: PointsMm, margin_mm: float = 0.0) -> np.ndarray:
        """Say for each LPS point whether it lies within the outer voxel faces, widened by `margin_mm`."""
        index = self.indices_from_lps(points_mm)
        margin = 0.5 + margin_mm / self.spacing_mm
        return np.asarray(((index >= -margin) & (index <= np.array(self.size) - 1 + margin)).all(axis=1))

    def bounds_mm(self) -> tuple[PointMm, PointMm]:
        """Return the lowest and highest LPS corner (mm) of the box round the centres of all voxels."""
        far = np.array(self.size) - 1.0
        corners = np.array([[i, j, k] for i in (0.0, far[0]) for j in (0.0, far[1]) for k in (0.0, far[2])])
        points = self.lps_from_indices(corners)
        return points.min(axis=0), points.max(axis=0)

    def equals(self, other: "Grid", tolerance_mm: float = 1e-3) -> bool:
        """Say whether both grids have the same size and no voxel differs by more than `tolerance_mm`."""
        if self.size != other.size:
            return False
        corners = np.array([[0, 0, 0], np.array(self.size) - 1], dtype=np.float64)
        return bool(np.abs(self.lps_from_indices(corners) - other.lps_from_indices(corners)).max() <= tolerance_mm)


def _read_only(matrix: np.ndarray) -> np.ndarray:
    matrix.setflags(write=False)
    return matrix


def straight(direction: np.ndarray) -> np.ndarray:
    """Return 3x3 directions with their rounding taken out: the nearest orthonormal ones.

    Args:
        direction: unit columns, at most `ORTHOGONALITY_TOLERANCE` from orthogonal; others are returned as they are, for
            `Grid` to refuse.
    """
    worst = float(np.abs(direction.T @ direction - np.eye(3)).max())
    if not EXACT_TOLERANCE < worst <= ORTHOGONALITY_TOLERANCE:
        return direction
    left, _, right = np.linalg.svd(direction)
    return np.asarray(left @ right)
