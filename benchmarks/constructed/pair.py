"""Make a follow-up whose truth is known exactly: a real baseline, moved, deformed, grown and scanned anew."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.constructed.deformation import random_field
from benchmarks.constructed.growth import Growth
from benchmarks.constructed.image import add_noise, apply_kernel, draw_table, without_table
from benchmarks.constructed.map import ConstructedMap, rotation_matrix
from benchmarks.constructed.renderer import Renderer
from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import AIR_HU, Volume

ROOM_MM = 12.0
"""Air kept round the moved field of view; a new table lies within it."""


@dataclass(frozen=True)
class FollowupChange:
    """What differs between the baseline and the follow-up to construct.

    Args:
        rotation_deg: about LPS x, y and z through the middle of the baseline, degrees.
        shift_mm: LPS, mm.
        deformation_mm: largest displacement by the smooth random waves, mm.
        breath_mm: largest displacement of breathing out, in the lower third of the study, mm.
        growth: lesions that grow or shrink; `(center_mm, radius_mm, factor)` of the baseline.
        noise_hu: standard deviation of the added, spatially correlated noise, HU.
        kernel_mm: above 0 blurs within the slice by this sigma, below 0 sharpens by it, mm.
        slice_mm: spacing and thickness of the new slices, mm; None keeps the baseline's.
        pixel_mm: spacing within the slice, mm; None keeps the baseline's.
        coverage: which part of the moved baseline's z extent is scanned, as two fractions from the feet up.
        table: take away what is not the body and draw another table under it.

    Raises:
        ValueError: for a coverage that is not 0 <= low < high <= 1, or spacings and noise that cannot be.
    """

    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deformation_mm: float = 0.0
    breath_mm: float = 0.0
    growth: tuple[Growth, ...] = ()
    noise_hu: float = 0.0
    kernel_mm: float = 0.0
    slice_mm: float | None = None
    pixel_mm: float | None = None
    coverage: tuple[float, float] = (0.0, 1.0)
    table: bool = False

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        low, high = self.coverage
        if not 0.0 <= low < high <= 1.0:
            raise ValueError(f"coverage must be two fractions with 0 <= low < high <= 1, got {self.coverage}")
        for name in ("slice_mm", "pixel_mm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        if self.noise_hu < 0:
            raise ValueError(f"noise_hu must be at least 0, got {self.noise_hu}")


@dataclass(frozen=True, eq=False)
class ConstructedPair:
    """A constructed follow-up and the exact maps between it and its baseline.

    Args:
        followup: int16 HU on a grid along the LPS axes.
        followup_from_baseline: takes LPS points (n, 3) in mm; exact to 0.01 mm.
        baseline_from_followup: takes LPS points (n, 3) in mm; exact.
    """

    followup: Volume
    followup_from_baseline: Callable[[PointsMm], PointsMm]
    baseline_from_followup: Callable[[PointsMm], PointsMm]


def draw_map(grid: Grid, change: FollowupChange, rng: np.random.Generator) -> ConstructedMap:
    """Draw the exact map of a follow-up that `construct_followup` would make with the same state of `rng`.

    Args:
        grid: the baseline's.
        change: what to change.
        rng: the only source of randomness.

    Raises:
        ValueError: if the deformation asked for could not be inverted.
    """
    low_mm, high_mm = grid.bounds_mm()
    field = random_field(change.deformation_mm, change.breath_mm, low_mm, high_mm, rng)
    pivot_mm = (low_mm + high_mm) / 2
    rotation = rotation_matrix(np.array(change.rotation_deg, dtype=np.float64))
    return ConstructedMap(rotation, pivot_mm, np.array(change.shift_mm, dtype=np.float64), field, tuple(change.growth))


def construct_followup(baseline: Volume, change: FollowupChange, rng: np.random.Generator) -> ConstructedPair:
    """Construct a follow-up of a baseline.

    Above and below the baseline its outermost slice goes on (so that a rotation leaves no wedge of air); beside it
    there is air of −1024 HU.

    Args:
        baseline: any orientation; HU.
        change: what to change.
        rng: the only source of randomness; the same state gives the same pair.

    Returns:
        The follow-up and both maps. A lesion's exact centre is `followup_from_baseline` of its baseline centre.

    Raises:
        ValueError: if the deformation asked for could not be inverted.
    """
    exact = draw_map(baseline.grid, change, rng)
    table_seed, noise_seed = (np.random.default_rng(seed) for seed in rng.integers(2**63, size=2))
    grid = _followup_grid(baseline.grid, exact, change)
    hu = without_table(baseline) if change.table else np.asarray(baseline.hu, dtype=np.float32)
    moved = Renderer(Volume(hu, baseline.grid), exact).render(grid, _subslices(baseline.grid, grid))
    moved = apply_kernel(moved, change.kernel_mm / grid.spacing_mm[0])
    if change.table:
        moved = draw_table(moved, grid, table_seed)
    if change.noise_hu:
        moved = add_noise(moved, change.noise_hu, noise_seed)
    followup = Volume(np.clip(np.rint(moved), AIR_HU, 3071).astype(np.int16), grid)
    return ConstructedPair(followup, exact.followup_from_baseline, exact.baseline_from_followup)


def _corners(low_mm: PointMm, high_mm: PointMm) -> PointsMm:
    sides = zip(low_mm, high_mm, strict=True)
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)


def _followup_grid(grid: Grid, exact: ConstructedMap, change: FollowupChange) -> Grid:
    low_mm, high_mm = grid.bounds_mm()
    posed = exact.posed(_corners(low_mm, high_mm))
    room_mm = np.array([ROOM_MM, ROOM_MM, 0.0])
    low, high = posed.min(axis=0) - room_mm, posed.max(axis=0) + room_mm
    if change.table:
        high[1] += 2 * ROOM_MM
    middle_z = (low[2] + high[2]) / 2  # a rotated study is scanned over its own height, not over its corners'
    height_mm = high_mm[2] - low_mm[2]
    low[2] = middle_z + height_mm * (change.coverage[0] - 0.5)
    high[2] = middle_z + height_mm * (change.coverage[1] - 0.5)
    across = np.argmax(np.abs(grid.direction), axis=1)  # which index axis runs most along x, y, z
    spacing = grid.spacing_mm[across]
    if change.pixel_mm is not None:
        spacing[:2] = change.pixel_mm
    if change.slice_mm is not None:
        spacing[2] = change.slice_mm
    size = np.maximum(np.floor((high - low) / spacing + 1e-6).astype(int) + 1, 1)
    return Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), spacing, low, np.eye(3))


def _subslices(baseline: Grid, followup: Grid) -> int:
    thinnest = baseline.spacing_mm[np.argmax(np.abs(baseline.direction[2]))]
    return max(1, int(np.ceil(followup.spacing_mm[2] / thinnest - 1e-3)))
