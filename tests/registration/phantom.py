"""A small body whose every part is known: two lungs, a spine and organs with texture, on a table."""

from functools import lru_cache

import numpy as np

from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

LENGTH_MM = 300.0
WIDTH_MM, DEPTH_MM = 150.0, 100.0


def body_hu(points: np.ndarray, patient: int = 0) -> np.ndarray:
    """Return the HU at LPS points (n, 3) in mm; the body is centred at x = y = 0 and spans z from 0 to 300 mm."""
    rng = np.random.default_rng([patient, 99])
    x, y, z = points.T
    taper = 1.0 - 0.15 * np.cos(np.pi * z / LENGTH_MM)
    hu = np.full(len(points), -1000.0)
    inside = (x / (WIDTH_MM * taper)) ** 2 + (y / (DEPTH_MM * taper)) ** 2 < 1.0
    hu[inside] = 30.0
    for side in (-1, 1):
        lung = ((x - side * 65) / 48) ** 2 + ((y + 5) / 65) ** 2 + ((z - 240 - 10 * side) / 120) ** 2 < 1.0
        hu[inside & lung] = -850.0
    for _ in range(60):
        center = rng.uniform([-120, -80, 0], [120, 70, LENGTH_MM])
        radius, value = rng.uniform(8, 26), rng.uniform(-120, 260)
        near = np.flatnonzero(inside & (np.abs(z - center[2]) < radius))
        hu[near[((points[near] - center) ** 2).sum(axis=1) < radius**2]] = value
    texture = np.sin(x / 5.0) * np.sin(y / 6.0 + 1.0) * np.sin(z / 7.0) + np.sin((x + y + z) / 9.0)
    tissue = hu > -500.0
    hu[tissue] += 50.0 * texture[tissue]
    spine = (x / 18) ** 2 + ((y - 70) / 15) ** 2 < 1.0
    hu[inside & spine] = np.where(np.sin(2 * np.pi * z / 27.0) > -0.6, 450.0, 100.0)[inside & spine]
    return hu


def table_hu(points: np.ndarray, top_mm: float) -> np.ndarray:
    """Return the HU of a curved table, a shell round foam, whose top is at y = `top_mm`."""
    depth = points[:, 1] - (top_mm - points[:, 0] ** 2 / 1500.0)
    inside = (depth > 0) & (depth < 18)
    return np.where(inside & ((depth < 3) | (depth > 15)), -50.0, np.where(inside, -900.0, -1000.0))


@lru_cache(maxsize=16)
def study(
    z_mm: tuple[float, float] = (0.0, LENGTH_MM),
    spacing_mm: tuple[float, float, float] = (4.0, 4.0, 4.0),
    *,
    turn_deg: float = 0.0,
    origin_shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    table_mm: float | None = 125.0,
    patient: int = 0,
    noise_hu: float = 10.0,
    seed: int = 0,
) -> Volume:
    """Scan the body.

    Args:
        z_mm: lowest and highest slice, before the shift.
        spacing_mm: along x, y, z.
        turn_deg: about z through the middle, from the study to the body.
        origin_shift_mm: added to every position of the study.
        table_mm: y of the table's top; None scans without a table.
        patient: another number is another body.
        noise_hu: standard deviation.
        seed: of the noise.
    """
    low = np.array([-176.0, -128.0, z_mm[0]])
    high = np.array([176.0, 150.0, z_mm[1]])
    spacing = np.array(spacing_mm)
    size = np.round((high - low) / spacing).astype(int) + 1
    grid = Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), spacing, low, np.eye(3))
    k, j, i = np.indices(grid.shape).reshape(3, -1)
    points = grid.lps_from_indices(np.stack([i, j, k], axis=1))
    matrix = rotation_z(turn_deg)
    hu = body_hu(points @ matrix[:3, :3].T + matrix[:3, 3], patient)
    if table_mm is not None:
        hu = np.where(hu < -900, np.maximum(hu, table_hu(points, table_mm)), hu)
    hu = hu + np.random.default_rng(seed).normal(0.0, noise_hu, len(hu))
    moved = Grid.from_parts(grid.size, spacing, low + np.array(origin_shift_mm), np.eye(3))
    return Volume(np.clip(hu, -1024, 3071).astype(np.int16).reshape(grid.shape), moved)


def turned(volume: Volume, axes: tuple[int, int, int], flips: tuple[int, ...]) -> Volume:
    """Return the same study with its array axes in another order and some of them reversed."""
    hu, matrix = volume.hu, np.array(volume.grid.lps_from_index)
    for axis in flips:  # index axis i, j, k
        hu = np.flip(hu, 2 - axis)
        matrix[:3, 3] += matrix[:3, axis] * (volume.grid.size[axis] - 1)
        matrix[:3, axis] *= -1
    order = [2 - a for a in axes][::-1]
    hu = np.ascontiguousarray(np.transpose(hu, order))
    matrix = matrix[:, [*axes, 3]]
    z, y, x = hu.shape
    return Volume(hu, Grid((x, y, z), matrix))


def rotation_z(degrees: float, about_mm: tuple[float, float, float] = (0.0, 0.0, 150.0)) -> np.ndarray:
    """Return the 4x4 matrix of a turn about z."""
    angle = np.radians(degrees)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = np.array(about_mm) - matrix[:3, :3] @ np.array(about_mm)
    return matrix
