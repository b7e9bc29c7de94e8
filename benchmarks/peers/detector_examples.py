"""Crops to train a detector on: implants and the few marked lesions among structures that are none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.peers.detector import SLAB_SLICES, Mode, slab_grid
from lesion_tracker.arrays import PointMm
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.network.inputs import windowed
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.examples.appearance import random_appearance
from lesion_tracker.training.examples.draw import random_radius
from lesion_tracker.training.examples.implants import LUNG_HU, Implant, random_implant
from lesion_tracker.training.examples.lesions import first_lesion
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.prepared.prepared_study import PreparedStudy, points_with_structure
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import sample_at_index

CROP_VOXELS = (80, 80, 20)
SLABS = 4
"""Of a crop, for the 2.5D detector."""

MORE = (0, 4, 6, 8)
"""At most so many further implants, each equally likely: a step is short, and each implant teaches."""
MOST_MM, MOST_FURTHER_MM = 25.0, 12.0
STRONGER = 3.0
"""Contrast of an implant is multiplied by up to this: natural lesions differ from fat and lung by more than from an organ."""

SCENARIO = ScenarioSettings(implant=0.8)
"""One crop in five shows a structure in its middle that is no lesion."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What a detector is shown.

    Args:
        image: (batch, windows, z, y, x).
        grids: of each crop or slab.
        lesions: of each, (n, 4): centre (LPS mm) and radius (mm); for a slab discs in its middle.
    """

    image: torch.Tensor
    grids: tuple[Grid, ...]
    lesions: tuple[np.ndarray, ...]


def draw(studies: Sequence[PreparedStudy], mode: Mode, rng: np.random.Generator) -> Shown:
    """Draw a crop, or slabs of one."""
    weights = np.array([study.volume.hu.size for study in studies], dtype=np.float64) ** 0.5
    study = studies[rng.choice(len(studies), p=weights / weights.sum())]
    center, radius, kind = first_lesion(study, SCENARIO, rng)
    size = np.array(CROP_VOXELS) * SPACING_MM
    grid = crop_grid(center - size / 2 + rng.uniform(-0.25, 0.25, 3) * size, CROP_VOXELS)
    bodies = [(center, min(radius, MOST_MM))] if kind == "implant" else []
    bodies += _more(study, grid, [*_marked(study), *bodies, (center, radius)], rng)
    implants = tuple(_implant(study, place, r, rng) for place, r in bodies)
    scan = Scan(study.volume, None, implants, random_appearance(rng), int(rng.integers(2**31)))
    lesions = np.array([[*place, r] for place, r in [*bodies, *_marked(study)]]).reshape(-1, 4)
    lesions = lesions[grid.contains(lesions[:, :3])]
    hu = scan.source()(grid)
    if mode == "3d":
        return Shown(windowed(hu), (grid,), (lesions,))
    return _slabs(hu, grid, lesions, rng)


def _implant(study: PreparedStudy, place: PointMm, radius: float, rng: np.random.Generator) -> Implant:
    around = _hu_at(study, place)
    drawn = random_implant(rng, place, radius, around)
    stronger = around + (drawn.hu - around) * rng.uniform(1, STRONGER)
    return drawn if around < LUNG_HU else drawn.changed(hu=float(np.clip(stronger, -200, 400)))


def _marked(study: PreparedStudy) -> list[tuple[PointMm, float]]:
    return [(row[:3], float(row[3])) for row in study.lesions]


def _more(
    study: PreparedStudy, grid: Grid, taken: list[tuple[PointMm, float]], rng: np.random.Generator
) -> list[tuple[PointMm, float]]:
    """Draw further places with structure that no lesion reaches."""
    low, high = grid.bounds_mm()
    points = rng.uniform(low, high, (80, 3))
    usable = points[points_with_structure(study, points)]
    found: list[tuple[PointMm, float]] = []
    most = int(rng.choice(MORE))
    for point in usable:
        radius = random_radius(rng, MOST_FURTHER_MM)
        apart = all(np.linalg.norm(point - place) > 1.2 * (radius + r) for place, r in [*taken, *found])
        if apart and len(found) < most:
            found.append((point, radius))
    return found


def _hu_at(study: PreparedStudy, center: PointMm) -> float:
    offsets = np.array([[0, 0, 0], [3, 0, 0], [-3, 0, 0], [0, 3, 0], [0, -3, 0]], dtype=np.float64)
    index = study.volume.grid.indices_from_lps(center + offsets)
    return float(sample_at_index(study.volume.hu, torch.from_numpy(index).float()[:, None, None]).mean())


def _slabs(hu: torch.Tensor, grid: Grid, lesions: np.ndarray, rng: np.random.Generator) -> Shown:
    """Cut slabs; each second one through a lesion where there is one."""
    half = SLAB_SLICES // 2
    starts = rng.integers(0, grid.size[2] - SLAB_SLICES + 1, SLABS)
    for n in range(0, SLABS, 2):
        if len(lesions):
            x, y, z, radius = lesions[rng.integers(len(lesions))]
            middle = grid.indices_from_lps(np.array([[x, y, z + rng.uniform(-0.7, 0.7) * radius]]))[0, 2]
            starts[n] = int(np.clip(round(middle) - half, 0, grid.size[2] - SLAB_SLICES))
    grids = tuple(slab_grid(grid, int(start)) for start in starts)
    image = torch.cat([windowed(hu[start : start + SLAB_SLICES]) for start in starts])
    return Shown(image, grids, tuple(discs(lesions, middle_mm(one)) for one in grids))


def middle_mm(grid: Grid) -> float:
    """Return the LPS z between the two middle slices of a slab."""
    return float(grid.origin_mm[2] + grid.spacing_mm[2] * (SLAB_SLICES - 1) / 2)


def discs(lesions: np.ndarray, z_mm: float) -> np.ndarray:
    """Cut balls (n, 4) at a plane: centre in the plane and radius of the cut; balls that it hardly touches are left out."""
    off = np.abs(lesions[:, 2] - z_mm)
    cut = lesions[off < 0.9 * lesions[:, 3]].copy()
    cut[:, 3] = np.sqrt(cut[:, 3] ** 2 - (cut[:, 2] - z_mm) ** 2)
    cut[:, 2] = z_mm
    return cut
