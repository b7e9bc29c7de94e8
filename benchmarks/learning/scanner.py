"""The domain of the benchmark: a cone-beam-like scanner whose numbers are no Hounsfield units."""

from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.constructed.ct_look import add_ramp_noise
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import AIR_HU, Volume

PARTS = 4
"""Levels that are averaged into one slice."""

MIDDLE_HU = 40.0
"""Soft tissue; contrasts are scaled round it."""

HIGHEST_HU = 3071


@dataclass(frozen=True)
class Scanner:
    """How both studies of a pair are made.

    Args:
        slice_mm: thickness and distance of the slices.
        contrast: factor of all contrasts, round 40 HU.
        shift_hu: added to every value.
        cupping_hu: the middle of a slice is darker than its border by so much.
        noise_hu: standard deviation of ramp-filtered noise.
        cutoff: of its spectrum, cycles per pixel.
    """

    slice_mm: float = 5.0
    contrast: float = 0.4
    shift_hu: float = -200.0
    cupping_hu: float = 100.0
    noise_hu: float = 25.0
    cutoff: float = 0.35

    def __str__(self) -> str:
        """Return the domain's name for the table."""
        return (
            f"cone-beam-like: {self.slice_mm:g} mm slices, contrasts times {self.contrast:g}, {self.shift_hu:+g} HU, "
            f"{self.cupping_hu:g} HU of cupping, noise of {self.noise_hu:g} HU"
        )

    def to_json(self) -> dict[str, float]:
        """Return plain values."""
        return asdict(self)


def scanned(volume: Volume, scanner: Scanner | None, seed: list[int]) -> Volume:
    """Return a study as the scanner would show it; None leaves it as it is.

    Args:
        volume: LPS-aligned or not; the result is aligned.
        scanner: of the domain.
        seed: of the noise.
    """
    if scanner is None:
        return volume
    hu, grid = thick(volume, scanner.slice_mm)
    hu = scanner.contrast * (hu - MIDDLE_HU) + MIDDLE_HU + scanner.shift_hu
    y, x = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in hu.shape[1:]), indexing="ij")
    body = hu > scanner.contrast * (AIR_HU / 2) + scanner.shift_hu
    hu = hu - scanner.cupping_hu * np.maximum(0, 1 - x * x - y * y) * body
    hu = add_ramp_noise(hu, scanner.noise_hu, scanner.cutoff, np.random.default_rng(seed))
    return Volume(np.clip(np.rint(hu), AIR_HU, HIGHEST_HU).astype(np.int16), grid)


def thick(volume: Volume, slice_mm: float) -> tuple[np.ndarray, Grid]:
    """Average a study into slices of `slice_mm`; return HU (z, y, x), float32, and where they lie."""
    low, high = volume.grid.bounds_mm()
    across = volume.grid.spacing_mm[np.argmax(np.abs(volume.grid.direction), axis=1)]
    fine = np.array([across[0], across[1], slice_mm / PARTS])
    nx, ny, slices = np.maximum(((high - low) // [fine[0], fine[1], slice_mm]).astype(int), [2, 2, 2])
    levels = Grid.from_parts((int(nx), int(ny), int(slices) * PARTS), fine, low + fine / 2, np.eye(3))
    hu = np.array(resample(volume, levels).hu, dtype=np.float32)
    first = low + fine / 2 + [0, 0, (PARTS - 1) / 2 * fine[2]]
    spacing = np.array([fine[0], fine[1], slice_mm])
    grid = Grid.from_parts((int(nx), int(ny), int(slices)), spacing, first, np.eye(3))
    return hu.reshape(int(slices), PARTS, int(ny), int(nx)).mean(axis=1), grid
