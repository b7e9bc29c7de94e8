"""Lesions to draw into a CT: superellipsoids and thresholded random fields, with a speckled inside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Hu, PointMm, PointsMm
from lesion_tracker.volumes.grid import Grid

NODES = 17
"""Nodes of a body's random relief along each axis of the cube [-SPAN, SPAN]^3."""
SPAN = 1.6
LUNG_HU = -500.0


@dataclass(frozen=True, eq=False)
class Body:
    """A lesion in baseline coordinates (LPS mm); its centroid is `center_mm` and its farthest point lies a radius away.

    Args:
        center_mm: LPS.
        radius_mm: half of the longest extent from the centroid.
        frame: 3x3 rotation.
        axes: relative lengths of the axes.
        power: of the superellipsoid: 1 a diamond, 2 an ellipsoid, 6 nearly a box.
        relief: (NODES, NODES, NODES), added to the level: where the sum is below 1 lies the body.
        origin: the centroid in the body's own coordinates.
        scale: own coordinates per radius.
        hu: mean of the inside.
        core_hu: added in the middle (a necrotic or denser core).
        speckle: a cube of random numbers, repeated.
        speckle_hu: standard deviation of the pattern.
        grain_mm: size of its grains.
        edge_mm: width of the border.
    """

    center_mm: PointMm
    radius_mm: float
    frame: np.ndarray
    axes: PointMm
    power: float
    relief: np.ndarray
    origin: PointMm
    scale: float
    hu: float
    core_hu: float
    speckle: np.ndarray
    speckle_hu: float
    grain_mm: float
    edge_mm: float

    def changed(self, **values: Any) -> "Body":
        """Return a copy with other values, such as a new radius or density."""
        return replace(self, **values)

    def cover(self, points_mm: PointsMm) -> tuple[np.ndarray, np.ndarray]:
        """Return how much of each baseline point (n, 3) the body covers, in [0, 1], and its HU there."""
        offset = (points_mm - self.center_mm) @ self.frame.T
        own = offset / self.radius_mm * self.scale + self.origin
        level = self._level(own)
        cover = 1 / (1 + np.exp(np.clip((level - 1) * self.radius_mm / (0.25 * self.edge_mm), -40, 40)))
        nodes = (offset / self.grain_mm % len(self.speckle)).T
        speckle = ndimage.map_coordinates(self.speckle, nodes, order=1, mode="grid-wrap")
        hu = self.hu + self.speckle_hu * speckle + self.core_hu * np.exp(-((2 * np.minimum(level, 3)) ** 2))
        return cover, hu

    def _level(self, own: np.ndarray) -> np.ndarray:
        shape = ((np.abs(own / self.axes) ** self.power).sum(axis=1)) ** (1 / self.power)
        nodes = ((own + SPAN) * ((NODES - 1) / (2 * SPAN))).T
        return np.asarray(shape + ndimage.map_coordinates(self.relief, nodes, order=1, mode="nearest"))


def random_body(rng: np.random.Generator, center_mm: PointMm, radius_mm: float, around_hu: float) -> Body:
    """Draw a lesion that can be told from surroundings of `around_hu`."""
    relief = np.zeros((NODES, NODES, NODES))
    power = float(rng.uniform(1.4, 5.0))
    if rng.random() < 0.5:  # a thresholded random field on a ball instead of a superellipsoid
        relief = ndimage.gaussian_filter(rng.normal(size=relief.shape), 2.0, mode="wrap")
        relief *= rng.uniform(0.12, 0.22) / relief.std()
        power = 2.0
    body = Body(
        center_mm=np.asarray(center_mm, dtype=np.float64),
        radius_mm=radius_mm,
        frame=np.linalg.qr(rng.normal(size=(3, 3)))[0],
        axes=np.array([1.0, rng.uniform(0.6, 1.0), rng.uniform(0.6, 1.0)]),
        power=power,
        relief=relief,
        origin=np.zeros(3),
        scale=1.0,
        hu=_body_hu(rng, around_hu),
        core_hu=float(rng.normal(0, 20)) if rng.random() < 0.4 else 0.0,
        speckle=rng.normal(size=(16, 16, 16)),
        speckle_hu=float(rng.uniform(5, 25)),
        grain_mm=float(rng.uniform(1.5, 3.5)),
        edge_mm=float(rng.uniform(0.8, 2.5)),
    )
    return _centred(body)


def _body_hu(rng: np.random.Generator, around_hu: float) -> float:
    if around_hu < LUNG_HU:
        return float(rng.uniform(-30, 70) if rng.random() < 0.7 else rng.uniform(-500, -200))
    sign = 1 if around_hu < -40 or rng.random() < 0.5 else -1
    return float(np.clip(around_hu, -110, 180) + sign * rng.uniform(30, 100))


def _centred(body: Body) -> Body:
    """Return the body with its centroid in its centre and its farthest point a radius away."""
    steps = np.linspace(-SPAN, SPAN, 33)
    own = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = own[body._level(own) < 1]
    origin = inside.mean(axis=0)
    return body.changed(origin=origin, scale=float(np.linalg.norm(inside - origin, axis=1).max()))


def draw_bodies(
    hu: Hu,
    grid: Grid,
    placed: Sequence[tuple[Body, PointMm]],
    baseline_from_here: Callable[[PointsMm], PointsMm] | None,
    slice_parts: int = 3,
) -> Hu:
    """Return a float32 copy of a scan with bodies drawn in; a slice shows the mean over its thickness.

    Args:
        hu: shape (z, y, x), HU.
        grid: of the scan.
        placed: bodies, each with the LPS position of its centre in this scan.
        baseline_from_here: the map of the scan's points to the bodies' coordinates; None: they are the same.
        slice_parts: points across the thickness of a slice.
    """
    drawn = np.array(hu, dtype=np.float32)
    for body, here_mm in placed:
        reach = (1.7 * body.radius_mm + 2 * body.edge_mm + 2) / grid.spacing_mm
        index = grid.indices_from_lps(here_mm[None])[0]
        low = np.clip(np.floor(index - reach).astype(int), 0, grid.size)
        high = np.clip(np.ceil(index + reach).astype(int) + 1, 0, grid.size)
        if (low >= high).any():
            continue
        box = tuple(slice(int(a), int(b)) for a, b in zip(low[::-1], high[::-1], strict=True))
        k, j, i = np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij")
        cover, shown = np.zeros(k.size), np.zeros(k.size)
        for part in range(slice_parts):
            inside_slice = (part + 0.5) / slice_parts - 0.5
            points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel() + inside_slice], axis=1))
            one, one_hu = body.cover(points if baseline_from_here is None else baseline_from_here(points))
            cover, shown = cover + one / slice_parts, shown + one * one_hu / slice_parts
        drawn[box] = drawn[box] * (1 - cover.reshape(k.shape)) + shown.reshape(k.shape)
    return drawn
