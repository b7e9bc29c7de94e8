"""The paper's augmentations of a study: its warps, and the anatomy signal as the warp shows it."""

import numpy as np
import torch

from lesion_tracker.arrays import PointMm
from lesion_tracker.network.lattice import cell_grid
from lesion_tracker.training.examples.warp import Bump, Warp, pose
from lesion_tracker.volumes.grid import Grid

PROBABILITY = 0.5
"""Of each augmentation."""

ELASTIC_SCALE = 0.25
ROTATION_DEG = 10.0
SCALES = (0.75, 1.25)

LEAST_WIDTH_MM = 12.0
"""Narrower bumps could not be interpolated between the corners of cells to 0.1 mm."""


def random_warp(rng: np.random.Generator, center_mm: PointMm, crop_mm: float) -> Warp:
    """Draw elastic deformation, rotation in the axial plane and scaling, each with probability 0.5.

    Args:
        rng: the only source of randomness.
        center_mm: of rotation and scaling, LPS.
        crop_mm: edge of the crop; the bumps of the elastic deformation are up to a quarter of it wide, and shift by up
            to half of their width.

    Raises:
        ValueError: if the deformation folds even when it is made weaker; draw again.

    Source: section 4.2 of Cai et al., Deep Lesion Tracker, CVPR 2021.
    """
    angle = rng.uniform(-ROTATION_DEG, ROTATION_DEG) if rng.random() < PROBABILITY else 0.0
    scale = rng.uniform(*SCALES) if rng.random() < PROBABILITY else 1.0
    affine = pose(center_mm, np.array([0.0, 0.0, angle]), scale)
    if rng.random() >= PROBABILITY:
        return Warp(affine)
    width = max(LEAST_WIDTH_MM, float(rng.uniform(0, ELASTIC_SCALE)) * crop_mm)
    amplitude = rng.uniform(0, width / 2)
    places = center_mm + rng.uniform(-crop_mm / 2, crop_mm / 2, (8, 3))
    shifts = rng.normal(size=(8, 3))
    shifts *= amplitude / np.linalg.norm(shifts, axis=1, keepdims=True)
    steps = np.linspace(-crop_mm / 2, crop_mm / 2, 7)
    lattice = center_mm + np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    for weaker in (1.0, 0.7, 0.5, 0.3):
        bumps = tuple(Bump(place, shift * weaker, width) for place, shift in zip(places, shifts, strict=True))
        if Warp(np.eye(4), bumps).volume_change(lattice).min() > 0.3:
            return Warp(affine, bumps)
    raise ValueError("the elastic deformation folds")


def transformed_signal(
    search_grid: Grid, warp: Warp, center_mm: PointMm, radius_mm: float, heat_map_n: float
) -> torch.Tensor:
    """Return the anatomy signal G(center, n * radius) of the baseline as the warp shows it in the follow-up.

    Args:
        search_grid: the search crop, in the follow-up.
        warp: from follow-up to baseline positions.
        center_mm: LPS of the baseline.
        radius_mm: in the baseline.
        heat_map_n: standard deviation in radii.

    Returns:
        At the cells, shape (z, y, x), float32.
    """
    cells = cell_grid(search_grid)
    z, y, x = np.meshgrid(*(np.arange(n) for n in cells.shape), indexing="ij")
    positions = warp(cells.lps_from_indices(np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)))
    square = ((positions - np.asarray(center_mm)) ** 2).sum(axis=1).reshape(cells.shape)
    return torch.from_numpy(np.exp(-square / (2 * (heat_map_n * radius_mm) ** 2))).float()
