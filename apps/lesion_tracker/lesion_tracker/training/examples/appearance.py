"""What differs between two scans of the same anatomy: contrast phase, kernel, slice thickness, noise, coverage."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.training.examples.couch import Table
from lesion_tracker.training.examples.field_of_view import FieldOfView
from lesion_tracker.volumes.volume import AIR_HU

VESSEL_HU = (60.0, 150.0, 60.0)
"""Unenhanced blood, enhanced vessels, and how far their HU spread."""


@dataclass(frozen=True)
class Appearance:
    """How one scan was made; None and 0 mean unchanged.

    Args:
        contrast_hu: HU added to tissue between fat and bone, most at 80 HU, smoothly different from place to place.
        blur_mm: in-plane standard deviation of the kernel.
        sharpen: strength of unsharp masking.
        slices: 2 mm slices averaged into one.
        first_slice: phase of the averaging.
        noise_hu: standard deviation of the noise.
        noise_blur_mm: its in-plane correlation.
        vessel_gain: of what tissue between 60 and 250 HU has above 60 HU; below 1 contrast is washed out.
        field: what of the patient is kept; drawn after all else.
        cut_mm: LPS z beyond which nothing was scanned, with the side: (z, +1) cuts above, (z, -1) below.
        table: under the patient; drawn before all else.
    """

    contrast_hu: float = 0.0
    blur_mm: float = 0.0
    sharpen: float = 0.0
    slices: int = 1
    first_slice: int = 0
    noise_hu: float = 0.0
    noise_blur_mm: float = 0.0
    cut_mm: tuple[float, int] | None = None
    table: Table | None = None
    vessel_gain: float = 1.0
    field: FieldOfView | None = None


def random_appearance(rng: np.random.Generator) -> Appearance:
    """Draw how a scan was made; coverage and table depend on the lesion and the body, and are drawn by the scenario."""
    slices = int(rng.choice([1, 1, 2, 3]))
    return Appearance(
        contrast_hu=float(rng.normal(0, 25)) if rng.random() < 0.5 else 0.0,
        blur_mm=float(rng.uniform(0.4, 1.3)) if rng.random() < 0.4 else 0.0,
        sharpen=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.3 else 0.0,
        slices=slices,
        first_slice=int(rng.integers(0, slices)),
        noise_hu=float(rng.uniform(3, 35)),
        noise_blur_mm=float(rng.uniform(0.4, 1.0)) if rng.random() < 0.5 else 0.0,
    )


def apply_appearance(hu: torch.Tensor, spacing_mm: float, low_z_mm: float, look: Appearance, seed: int) -> torch.Tensor:
    """Return a crop as that scan would show it; its table is there already, its field of view is cut later.

    Args:
        hu: shape (z, y, x), float32, slices 2 mm apart.
        spacing_mm: in plane.
        low_z_mm: LPS z of the first slice.
        look: what to apply.
        seed: of the noise and the contrast's unevenness.
    """
    generator = torch.Generator().manual_seed(seed)
    hu = _of_its_phase(hu, look, generator)
    if look.sharpen:
        hu = hu + look.sharpen * (hu - blurred(hu, 1.2 / spacing_mm))
    if look.blur_mm:
        hu = blurred(hu, look.blur_mm / spacing_mm)
    if look.noise_hu:
        noise = torch.randn(hu.shape, generator=generator)
        if look.noise_blur_mm:
            noise = blurred(noise, look.noise_blur_mm / spacing_mm)
            noise = noise / noise.std()
        hu = hu + look.noise_hu * noise
    if look.slices > 1:
        hu = thick_slices(hu, look.slices, look.first_slice)
    if look.cut_mm is not None:
        z = low_z_mm + 2.0 * torch.arange(hu.shape[0])
        beyond = (z - look.cut_mm[0]) * look.cut_mm[1] > 0
        hu = torch.where(beyond[:, None, None], torch.tensor(AIR_HU), hu)
    return hu.clamp(AIR_HU, 3071)


def blurred(hu: torch.Tensor, sigma_voxels: float) -> torch.Tensor:
    """Blur slices in plane by a Gaussian.

    Args:
        hu: shape (z, y, x).
        sigma_voxels: standard deviation.
    """
    reach = max(1, int(np.ceil(2.5 * sigma_voxels)))
    taps = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * sigma_voxels**2))
    taps = (taps / taps.sum()).to(hu.dtype)
    stack = F.pad(hu[:, None], (reach,) * 4, mode="replicate")
    stack = F.conv2d(F.conv2d(stack, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
    return stack[:, 0]


def thick_slices(hu: torch.Tensor, slices: int, first: int) -> torch.Tensor:
    """Average groups of slices and interpolate between their middles: a thick-slice scan on the same lattice.

    Args:
        hu: shape (z, y, x).
        slices: of a group.
        first: slices of the first group that lie below the crop.
    """
    padded = torch.cat((hu[:1].expand(first, -1, -1), hu, hu[-1:].expand(slices, -1, -1)))
    groups = padded[: padded.shape[0] // slices * slices].reshape(-1, slices, *hu.shape[1:]).mean(1)
    middle = torch.arange(groups.shape[0]) * slices + (slices - 1) / 2 - first
    at = ((torch.arange(hu.shape[0]) - middle[0]) / slices).clamp(0, groups.shape[0] - 1)
    low = at.floor().long().clamp(max=groups.shape[0] - 1)
    high = (low + 1).clamp(max=groups.shape[0] - 1)
    part = (at - low)[:, None, None]
    return groups[low] * (1 - part) + groups[high] * part


def _of_its_phase(hu: torch.Tensor, look: Appearance, generator: torch.Generator) -> torch.Tensor:
    if look.contrast_hu:
        hu = hu + look.contrast_hu * _tissue(hu) * _uneven(hu.shape, generator)
    if look.vessel_gain != 1:
        above = (hu - VESSEL_HU[0]).clamp_min(0) * _vessels(hu)
        hu = hu + (look.vessel_gain - 1) * above * _uneven(hu.shape, generator)
    return hu


def _tissue(hu: torch.Tensor) -> torch.Tensor:
    return torch.exp(-(((hu - 80) / 60) ** 2) / 2)


def _vessels(hu: torch.Tensor) -> torch.Tensor:
    return torch.exp(-(((hu - VESSEL_HU[1]) / VESSEL_HU[2]) ** 2) / 2)


def _uneven(shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    coarse = torch.rand((1, 1, 3, 4, 4), generator=generator) * 1.2 + 0.4
    return F.interpolate(coarse, size=tuple(shape), mode="trilinear", align_corners=True)[0, 0]
