"""A drawn patient whose lesions are known exactly: studies of 96 x 96 x 60 voxels of 3 mm, on any grid."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

SIZE = (96, 96, 60)
SPACING_MM = np.array([3.0, 3.0, 3.0])
ORIGIN_MM = np.array([-143.0, -151.0, -410.0])
FLIPPED = ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
"""Columns of a direction matrix: i runs to the right, j upwards, k to the back."""


@dataclass(frozen=True)
class Patient:
    """A drawn patient.

    Args:
        name: the patient's id.
        lesions_mm: centre of each lesion in the earliest study, LPS mm.
        radii_mm: radius of each.
        seed: of the texture.
    """

    name: str
    lesions_mm: tuple[tuple[float, float, float], ...]
    radii_mm: tuple[float, ...]
    seed: int

    def hu(self, points_mm: np.ndarray) -> np.ndarray:
        """Return HU at LPS points (n, 3) of the patient's earliest study."""
        rng = np.random.default_rng(self.seed)
        body = _ellipsoid(points_mm, (0.0, -8.0, -322.0), (125.0, 88.0, 400.0))
        hu = -1000.0 + 1040.0 * body
        for side in (-1.0, 1.0):
            lung = _ellipsoid(points_mm, (side * 58.0, -14.0, -318.0), (42.0, 58.0, 84.0))
            hu += (-850.0 - hu) * lung
        hu += (55.0 - hu) * _ellipsoid(points_mm, (12.0, -32.0, -340.0), (38.0, 34.0, 44.0))
        hu += (320.0 - hu) * _ellipsoid(points_mm, (0.0, 46.0, -322.0), (17.0, 15.0, 400.0))
        for level in np.arange(-405.0, -230.0, 26.0):
            hu += (260.0 - hu) * _ellipsoid(points_mm, (0.0, 52.0, float(level)), (34.0, 9.0, 7.0))
        waves = rng.normal(0.0, 1.0, (24, 3)) / rng.uniform(9.0, 28.0, (24, 1))
        phases = rng.uniform(0.0, 2.0 * np.pi, 24)
        texture = np.cos(points_mm @ waves.T + phases).mean(axis=1)
        hu += np.where(hu > -950.0, 120.0 * texture, 0.0)
        for center, radius in zip(self.lesions_mm, self.radii_mm, strict=True):
            distance = np.linalg.norm(points_mm - np.array(center), axis=1)
            hu += (70.0 - hu) / (1.0 + np.exp(np.clip((distance - radius) / 0.7, -40.0, 40.0)))
        return hu

    def study(self, shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0), direction: object = np.eye(3)) -> Volume:
        """Return a study in which the patient lies `shift_mm` further, on a grid with the given directions."""
        grid = grid_along(direction)
        k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
        points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(np.float64))
        hu = self.hu(points - np.array(shift_mm))
        noise = np.random.default_rng(self.seed + 1).normal(0.0, 8.0, hu.shape)
        return Volume(np.rint(np.clip(hu + noise, -1024, 3000)).astype(np.int16).reshape(grid.shape), grid)


def grid_along(direction: object = np.eye(3)) -> Grid:
    """Return the grid of a study; it covers the same box whichever way its axes run."""
    matrix = np.array(direction, dtype=np.float64)
    extent = (np.array(SIZE) - 1.0) * SPACING_MM
    size = [round(float(np.abs(axis) @ np.array(SIZE))) for axis in matrix.T]
    far = matrix @ ((np.array(size) - 1.0) * SPACING_MM)
    origin = ORIGIN_MM + np.where(far < 0.0, extent, 0.0)
    return Grid.from_parts((size[0], size[1], size[2]), SPACING_MM, origin, matrix)


def _ellipsoid(points_mm: np.ndarray, center: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    """Return 1 inside, 0 outside, with an edge of about 2 mm."""
    scaled = np.linalg.norm((points_mm - np.array(center)) / np.array(radii), axis=1)
    return 1.0 / (1.0 + np.exp(np.clip((scaled - 1.0) * min(radii) / 0.8, -40.0, 40.0)))


ANN = Patient("ann", ((-58.0, -20.0, -316.0), (64.0, -6.0, -302.0)), (9.0, 7.0), 11)
PATIENTS = (
    ANN,
    Patient("bob", ((-50.0, -30.0, -300.0), (52.0, 4.0, -330.0)), (8.0, 7.0), 21),
    Patient("cid", ((60.0, -24.0, -322.0), (-62.0, 0.0, -310.0)), (8.0, 10.0), 31),
    Patient("dea", ((48.0, -4.0, -296.0), (-54.0, -28.0, -334.0)), (7.0, 9.0), 41),
)
SHIFTS_MM = {"ann": (7.5, -4.5, 6.0), "bob": (-6.0, 3.0, 4.0), "cid": (4.0, 7.0, -5.0), "dea": (-8.0, -5.0, 3.0)}
"""How much further each patient lies in the follow-up, LPS mm."""

FLIPPED_SHIFT_MM = (-5.0, 4.0, 5.0)
"""The same for ann's third study, whose axes are flipped and swapped."""


def write_patients(folder: Path) -> None:
    """Write two studies of each patient, and a third one of ann on a flipped grid."""
    for patient in PATIENTS:
        write_volume(patient.study(), folder / f"{patient.name}__20200101.nii.gz")
        write_volume(patient.study(SHIFTS_MM[patient.name]), folder / f"{patient.name}__20210101.nii.gz")
    write_volume(ANN.study(FLIPPED_SHIFT_MM, FLIPPED), folder / "ann__20220101.nrrd")
