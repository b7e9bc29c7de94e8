"""Where the crops of an example lie: with the offsets that serving never has, so that no place in them is learned."""

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.network.lattice import CELL_VOXELS, crop_grid
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.volumes.grid import Grid


def template_crop(
    center_mm: PointMm, radius_mm: float, kind: str, settings: ScenarioSettings, rng: np.random.Generator
) -> tuple[Grid, PointMm]:
    """Return the template crop and the click, which lies in the middle of one of its cells.

    Args:
        center_mm: of the lesion in the baseline, LPS.
        radius_mm: of it; the click is off the centre by at most a quarter of it.
        kind: of the lesion; a "structure" has no centre but its click.
        settings: the size of the crop.
        rng: the only source of randomness.
    """
    clicked = center_mm
    if kind != "structure" and rng.random() < 0.7:
        shift = rng.normal(size=3)
        clicked = center_mm + shift / np.linalg.norm(shift) * 0.25 * radius_mm * rng.random() ** (1 / 3)
    size = np.array(settings.template_voxels)
    blocks = size // (2 * np.array([16, 16, 2]))
    blocks = blocks + rng.integers([-1, -1, -2], [1, 1, 3])
    voxel = blocks * np.array([16, 16, 2]) + (CELL_VOXELS - 1) / 2
    return crop_grid(clicked - voxel * np.array(SPACING_MM), settings.template_voxels), clicked


def search_crop(
    expected_mm: PointMm, followup_mm: PointMm, settings: ScenarioSettings, rng: np.random.Generator
) -> Grid:
    """Return a search crop round the expected place, on no lattice; it is drawn towards the lesion where it must be.

    Args:
        expected_mm: where registration is taken to put the lesion, LPS.
        followup_mm: where it is.
        settings: the sizes of which one is drawn.
        rng: the only source of randomness.
    """
    sizes = np.array(settings.search_voxels[rng.integers(len(settings.search_voxels))])
    half = sizes * np.array(SPACING_MM) / 2
    middle = np.clip(expected_mm + rng.uniform(-6.4, 6.4, 3), followup_mm - half + 10, followup_mm + half - 10)
    return crop_grid(middle - half, (int(sizes[0]), int(sizes[1]), int(sizes[2])))


def inside_crop(grid: Grid, point_mm: PointMm, margin_mm: float = 6.0) -> bool:
    """Say whether an LPS point lies in a crop, `margin_mm` from its border."""
    return bool(grid.contains(point_mm[None], -margin_mm)[0])
