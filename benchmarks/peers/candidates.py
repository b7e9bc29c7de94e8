"""Lesion-like candidates of a region: what a detector scores, discs of slices joined to balls, and of rivals the best."""

import itertools

import numpy as np
import torch

from benchmarks.peers.detector import ANCHOR_MM, SLAB_SLICES, DetectorNet, anchors, short_numbers, slab_grid
from benchmarks.peers.detector_targets import absolute
from lesion_tracker.network.config import STRIDES
from lesion_tracker.network.inputs import windowed
from lesion_tracker.volumes.grid import Grid

LEAST_SCORE = 0.05
MOST = 400
"""Candidates of a region. The detectors score lesions only a little higher than other places: `candidate_recall` says how many
of them hold the lesions of the calibration volumes."""

OVERLAP = 0.1
"""Of two balls of one size that overlap by more of their union, the lower one is left out."""

SIZES_MM = tuple(float(np.sqrt(a * b)) for a, b in itertools.pairwise(ANCHOR_MM))
"""Radii that part the sizes: a small ball beside or inside of a large one is another candidate."""

SLAB_STEP = STRIDES[0][2]
"""Slices from one slab to the next: the middle cell of each covers its own."""

SLABS_AT_ONCE = 8

Candidates = np.ndarray
"""(n, 5), highest score first: centre (LPS mm), radius (mm), score."""


def find_candidates(net: DetectorNet, hu: torch.Tensor, grid: Grid) -> Candidates:
    """Return the candidates of a crop; none where nothing in it looks like a lesion.

    Args:
        net: 2.5D or 3D.
        hu: of the crop, (z, y, x).
        grid: the crop.
    """
    if net.mode == "3d":
        found = _answers(net, windowed(hu), [grid])
    else:
        starts = range(0, grid.size[2] - SLAB_SLICES + 1, SLAB_STEP)
        grids = [slab_grid(grid, start) for start in starts]
        slabs = torch.cat([windowed(hu[start : start + SLAB_SLICES]) for start in starts])
        found = join_slices(_answers(net, slabs, grids), SLAB_STEP * float(grid.spacing_mm[2]))
    inside = grid.contains(found[:, :3])
    return suppressed(found[inside])[:MOST]


def _answers(net: DetectorNet, image: torch.Tensor, grids: list[Grid]) -> Candidates:
    """Return what scores at all; in each crop or slab of rivals only the best."""
    found = []
    for first in range(0, len(grids), SLABS_AT_ONCE):
        part = image[first : first + SLABS_AT_ONCE].contiguous(memory_format=torch.channels_last_3d)
        with torch.inference_mode(), short_numbers():
            logits, balls = net(part)
        for grid, one, relative in zip(grids[first : first + SLABS_AT_ONCE], logits, balls, strict=True):
            score = torch.sigmoid(one).double().numpy()
            high = score >= LEAST_SCORE
            places = absolute(anchors(grid, net.mode)[high], relative.double().numpy()[high])
            found.append(suppressed(np.column_stack([places, score[high]])))
    return np.concatenate(found)


def suppressed(found: Candidates, overlap: float = OVERLAP) -> Candidates:
    """Return those that no better one of their size overlaps, highest first."""
    kept = []
    for size in range(len(ANCHOR_MM)):
        left = found[np.digitize(found[:, 3], SIZES_MM) == size]
        left = left[np.argsort(-left[:, 4], kind="stable")]
        while len(left):
            kept.append(left[0])
            left = left[1:][ball_overlap(left[0], left[1:]) <= overlap]
    best = np.array(kept).reshape(-1, 5)
    return best[np.argsort(-best[:, 4], kind="stable")]


def ball_overlap(ball: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the volume that a ball shares with each of others (n, 4 or more), divided by that of both together.

    Source: the lens of two spheres, https://mathworld.wolfram.com/Sphere-SphereIntersection.html.
    """
    r, s = ball[3], others[:, 3]
    d = np.linalg.norm(others[:, :3] - ball[:3], axis=1)
    apart, inside = d >= r + s, d <= np.abs(r - s)
    safe = np.maximum(d, 1e-9)
    lens = np.pi * (r + s - safe) ** 2 * (safe**2 + 2 * safe * (r + s) - 3 * (r - s) ** 2) / (12 * safe)
    shared = np.where(apart, 0.0, np.where(inside, 4 / 3 * np.pi * np.minimum(r, s) ** 3, lens))
    return np.asarray(shared / (4 / 3 * np.pi * (r**3 + s**3) - shared))


def join_slices(found: Candidates, step_mm: float) -> Candidates:
    """Join the discs of neighbouring planes to balls.

    From the best disc on, the best disc of the next plane whose centre lies in the last one is added, up and down, until
    a plane has none. The ball's centre is the mean of its discs, weighted by score; radius and score are the largest.

    Args:
        found: discs, each in its plane.
        step_mm: from plane to plane.
    """
    left = found[np.argsort(-found[:, 4], kind="stable")]
    balls = []
    while len(left):
        chain = _chain(left, step_mm)
        discs = left[chain]
        center = np.average(discs[:, :3], axis=0, weights=discs[:, 4])
        balls.append([*center, discs[:, 3].max(), discs[:, 4].max()])
        left = np.delete(left, chain, axis=0)
    return np.array(balls).reshape(-1, 5)


def _chain(discs: Candidates, step_mm: float) -> list[int]:
    """Return the first disc and those that continue it, as rows."""
    chain = [0]
    for side in (1, -1):
        last = discs[0]
        while True:
            next_plane = np.abs(discs[:, 2] - last[2] - side * step_mm) < step_mm / 2
            beside = np.linalg.norm(discs[:, :2] - last[:2], axis=1) <= last[3]
            rows = np.flatnonzero(next_plane & beside)
            if not len(rows):
                break
            chain.append(int(rows[0]))  # the best: they are sorted
            last = discs[rows[0]]
    return chain
