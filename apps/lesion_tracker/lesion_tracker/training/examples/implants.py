"""Implanted lesions: lobulated soft-edged bodies that can be drawn at any position, size and density."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.training.examples.warp import rotation_matrix

LUNG_HU = -500.0
"""Below this the surroundings of an implant are lung."""


@dataclass(frozen=True, eq=False)
class Implant:
    """A body in the coordinates of the baseline (LPS mm).

    Args:
        center_mm: LPS.
        radius_mm: of the longest axis.
        axes: lengths of the three axes relative to the longest, in (0, 1].
        rotation: 3x3.
        lobes: (n, 4): directions of the waves on its surface and their amplitude.
        edge_mm: width of the border.
        hu: of its inside.
        texture: (n, 5): wave vector (1/mm), phase and amplitude (HU) of the inside's pattern.
    """

    center_mm: PointMm
    radius_mm: float
    axes: PointMm
    rotation: np.ndarray
    lobes: np.ndarray
    edge_mm: float
    hu: float
    texture: np.ndarray

    def changed(self, **values: Any) -> "Implant":
        """Return a copy with other values, such as a new radius or density."""
        return replace(self, **values)

    def draw(self, points_mm: PointsMm, hu: np.ndarray) -> np.ndarray:
        """Return `hu`, shape (n,), with the body blended in at baseline points of shape (n, 3)."""
        offset = (np.asarray(points_mm) - self.center_mm) @ self.rotation
        distance = np.linalg.norm(offset, axis=1)
        near = distance < 1.5 * self.radius_mm + 3 * self.edge_mm
        if not near.any():
            return hu
        offset, distance = offset[near], distance[near]
        unit = offset / np.maximum(distance, 1e-6)[:, None]
        surface = self.radius_mm / np.linalg.norm(unit / self.axes, axis=1)
        surface *= 1 + (self.lobes[:, 3] * np.sin(4 * unit @ self.lobes[:, :3].T)).sum(axis=1)
        inside = 1 / (1 + np.exp(np.clip((distance - surface) / (0.5 * self.edge_mm), -30, 30)))
        waves = (self.texture[:, 4] * np.sin(offset @ self.texture[:, :3].T + self.texture[:, 3])).sum(axis=1)
        drawn = hu.copy()
        drawn[near] += inside * (self.hu + waves - hu[near])
        return drawn


def random_implant(rng: np.random.Generator, center_mm: PointMm, radius_mm: float, around_hu: float) -> Implant:
    """Draw a lesion that differs from its surroundings: solid or part-solid in lung, lighter or darker in tissue.

    Args:
        rng: the only source of randomness.
        center_mm: LPS of the baseline.
        radius_mm: of its longest axis.
        around_hu: of the surroundings.
    """
    if around_hu < LUNG_HU:
        hu = rng.uniform(-50, 80) if rng.random() < 0.75 else rng.uniform(-600, -150)
    else:
        contrast = rng.uniform(20, 90) * (1 if rng.random() < 0.5 else -1)
        hu = np.clip(around_hu, -120, 200) + contrast
    waves = int(rng.integers(2, 6))
    texture = np.column_stack(
        [rng.normal(0, 2.5 / radius_mm, (waves, 3)), rng.uniform(0, 2 * np.pi, waves), rng.uniform(0, 14, waves)]
    )
    return Implant(
        center_mm=np.asarray(center_mm, dtype=np.float64),
        radius_mm=radius_mm,
        axes=np.array([1.0, rng.uniform(0.65, 1), rng.uniform(0.6, 1)]),
        rotation=rotation_matrix(rng.uniform(0, 360, 3)),
        lobes=np.column_stack([rng.normal(0, 0.6, (3, 3)), rng.uniform(0, 0.08, 3)]),
        edge_mm=float(rng.uniform(0.8, 2.0)),
        hu=float(hu),
        texture=texture,
    )
