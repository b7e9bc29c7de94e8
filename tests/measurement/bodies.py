"""Ellipsoids with partial volume: their axes are known by hand."""

import numpy as np

from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

UPRIGHT = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def ellipsoid(
    semi_mm: tuple[float, float, float],
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    *,
    inside: float = 40.0,
    outside: float = -800.0,
    noise: float = 15.0,
    direction: object = UPRIGHT,
    reach_mm: float = 40.0,
    turned_deg: float = 0.0,
) -> tuple[Volume, np.ndarray]:
    """Return a study with an ellipsoid (the share of 4x4x4 sub-points inside) near its middle, and that middle, LPS mm.

    Args:
        semi_mm: half axes along x, y and z of the patient.
        spacing_mm: along i, j, k.
        inside: HU.
        outside: HU.
        noise: its standard deviation.
        direction: columns are the LPS directions of i, j, k.
        reach_mm: half of the study's width.
        turned_deg: the ellipsoid is turned about z.
    """
    size = tuple(int(np.ceil(2 * reach_mm / step)) for step in spacing_mm)
    grid = Grid.from_parts(size, np.array(spacing_mm), np.array([-31.5, 17.25, -404.0]), direction)
    middle = grid.lps_from_indices(((np.array(size) - 1) / 2 + [0.3, -0.2, 0.1])[None])[0]
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    index = np.stack([i, j, k], axis=-1).reshape(-1, 3).astype(np.float64)
    cos, sin = np.cos(np.radians(turned_deg)), np.sin(np.radians(turned_deg))
    body_from_lps = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) / np.array(semi_mm)[:, None]
    share = np.zeros(len(index))
    within = max(semi_mm) + np.linalg.norm(spacing_mm)
    near = np.linalg.norm(grid.lps_from_indices(index) - middle, axis=1) < within  # no part of another is inside
    steps = (-0.375, -0.125, 0.125, 0.375)
    for step in np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3):
        offset = grid.lps_from_indices(index[near] + step) - middle
        share[near] += ((offset @ body_from_lps.T) ** 2).sum(axis=1) <= 1
    hu = outside + (inside - outside) * share / 64 + np.random.default_rng(1).normal(0.0, noise, len(share))
    return Volume(hu.reshape(size[::-1]).astype(np.float32), grid), middle
