"""Directions round a point, evenly spread, and functions of direction: smoothed, and read anywhere."""

import functools
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

DIRECTIONS = 128
_ROWS, _COLUMNS = 33, 65
"""Of the table in latitude and longitude by which a function of direction is read."""


@dataclass(frozen=True, eq=False)
class Sphere:
    """The directions and their neighbourhood.

    Args:
        directions: (n, 3), unit length, x, y, z.
        source: (edges,), direction that an edge starts from; edges lie in the order of `target`.
        target: (edges,), where it ends.
        reverse: (edges,), number of the edge that runs back.
        incoming: (n, most), numbers of the edges that end at each direction; filled up with the number of edges.
    """

    directions: np.ndarray
    source: np.ndarray
    target: np.ndarray
    reverse: np.ndarray
    incoming: np.ndarray


@functools.lru_cache(maxsize=1)
def sphere() -> Sphere:
    """Return the directions, on a Fibonacci spiral, with the neighbourhood of their convex hull."""
    number = np.arange(DIRECTIONS) + 0.5
    polar, turn = np.arccos(1 - 2 * number / DIRECTIONS), np.pi * (1 + 5**0.5) * number
    directions = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)
    triangles = ConvexHull(directions).simplices
    pairs = np.concatenate([triangles[:, [a, b]] for a in range(3) for b in range(3) if a != b])
    edges = np.unique(pairs[:, ::-1], axis=0)[:, ::-1]  # sorted by target, then source
    number_of = {(int(a), int(b)): n for n, (a, b) in enumerate(edges)}
    reverse = np.array([number_of[int(b), int(a)] for a, b in edges])
    incoming = [np.flatnonzero(edges[:, 1] == one) for one in range(DIRECTIONS)]
    most = max(map(len, incoming))
    filled = [np.pad(one, (0, most - len(one)), constant_values=len(edges)) for one in incoming]
    return Sphere(directions, edges[:, 0], edges[:, 1], reverse, np.stack(filled))


@functools.lru_cache(maxsize=4)
def smoothing(sharpness: float) -> np.ndarray:
    """Return the matrix (n, n) that averages a function of direction over its neighbourhood.

    Args:
        sharpness: 60 is a standard deviation of 7 degrees, 25 one of 11.
    """
    return _weights(sphere().directions, sharpness)


def at_offsets(values: np.ndarray, offsets_mm: np.ndarray) -> np.ndarray:
    """Return functions of direction, (functions, n), at offsets (points, 3) from the centre: (functions, points)."""
    x, y, z = offsets_mm.T
    row = np.arctan2(np.hypot(x, y), z) * ((_ROWS - 1) / np.pi)
    column = (np.arctan2(y, x) % (2 * np.pi)) * ((_COLUMNS - 1) / (2 * np.pi))
    tables = (values @ _table().T).reshape(len(values), _ROWS, _COLUMNS)
    return np.stack([ndimage.map_coordinates(one, [row, column], order=1, mode="nearest") for one in tables])


@functools.lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """Return the weight of each direction at each node of the table, (nodes, n)."""
    polar, turn = np.meshgrid(np.linspace(0, np.pi, _ROWS), np.linspace(0, 2 * np.pi, _COLUMNS), indexing="ij")
    nodes = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=-1)
    return _weights(nodes.reshape(-1, 3), 60.0)


def _weights(directions: np.ndarray, sharpness: float) -> np.ndarray:
    weights = np.exp(sharpness * (directions @ sphere().directions.T - 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
