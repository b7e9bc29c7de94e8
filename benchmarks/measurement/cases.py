"""The lesions that are measured: six real ones with outlines by readers, and implants with their true outlines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.constructed.implants import Implant, implant_pair
from benchmarks.constructed.places import find_places
from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.measurement.axes import Axes, axes_of, rings
from lesion_tracker.measurement.view import axial_part
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume

JITTER = 0.25
"""Clicks lie up to this share of the radius from the middle."""


@dataclass(frozen=True, eq=False)
class Case:
    """A lesion in one scan.

    Args:
        name: of the lesion.
        kind: "mask", "lung" or "soft".
        volume: the scan.
        truth: how much of each voxel the lesion covers, on the scan's grid.
        axes: of the truth.
        center_mm: its middle, LPS.
        radius_mm: half of its longest diameter.
    """

    name: str
    kind: str
    volume: Volume
    truth: Volume
    axes: Axes
    center_mm: PointMm
    radius_mm: float

    def clicks(self, count: int, rng: np.random.Generator) -> PointsMm:
        """Draw points (count, 3), LPS mm, evenly from the ball of JITTER radii round the middle."""
        direction = rng.normal(size=(count, 3))
        length = JITTER * self.radius_mm * rng.random((count, 1)) ** (1 / 3)
        return np.asarray(self.center_mm + direction / np.linalg.norm(direction, axis=1, keepdims=True) * length)


def mask_cases(data: Path) -> Iterator[Case]:
    """Give the real lesions: where most of several outlines lie."""
    for name, known in json.loads((data / "masks" / "masks.json").read_text()).items():
        volume, mask = read_volume(data / "volumes" / f"{name}.nii.gz"), read_volume(data / "masks" / f"{name}.nii.gz")
        truth = Volume(mask.hu.astype(np.float32), volume.grid)
        axes = axes_of(rings(_along_axes(truth)))
        yield Case(name, "mask", volume, truth, axes, np.array(known["center_mm"]), axes.long_axis_mm / 2)


def implant_cases(volume_path: Path, lung: int, soft: int, seed: int) -> Iterator[tuple[Case, Case]]:
    """Give implants of one study, each in a baseline and in a follow-up; lungs first.

    Args:
        volume_path: of the study.
        lung: how many lie in lung.
        soft: how many lie in soft tissue.
        seed: of all that is drawn.
    """
    name = volume_path.name.removesuffix(".nii.gz")
    volume = read_volume(volume_path)
    places = find_places(volume)
    rng = np.random.default_rng([seed, sum(name.encode())])
    for kind, count in (("lung", lung), ("soft", soft)):
        for number in range(count):
            pair = implant_pair(volume, places, kind == "lung", rng)
            yield tuple(_implant_case(f"{name}/{kind}_{number + 1}", kind, one) for one in pair)  # type: ignore[misc]


def _implant_case(name: str, kind: str, implant: Implant) -> Case:
    truth = Volume(implant.cover, implant.volume.grid)
    axes = axes_of(rings(truth))
    return Case(name, kind, implant.volume, truth, axes, implant.center_mm, implant.radius_mm)


def _along_axes(truth: Volume) -> Volume:
    """Return the part of a mask that is not empty, its axes along x, y and z."""
    inside = np.argwhere(truth.hu > 0.5)[:, ::-1].astype(np.float64)
    points = truth.grid.lps_from_indices(inside)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return axial_part(truth, middle, float(np.abs(points - middle).max()) + 6.0)
