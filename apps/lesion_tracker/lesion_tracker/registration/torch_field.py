"""The deformation of several crops in one batch of torch, on a device: greedy's own steps, without its processes.

Each step follows the gradient of the local correlation, smoothed and scaled so that its largest shift is one voxel; the field
is composed with it and smoothed; from coarse voxels to fine ones. On a processor greedy itself takes a third, and answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from lesion_tracker.registration.common_box import CommonPart

STEPS = ((4, 100), (2, 50), (1, 10))
"""Voxels along an edge that are averaged to one, and steps on these."""

WINDOW = 5
"""Voxels along an edge of the windows in which images are correlated."""

STEP_VOXELS, FIELD_VOXELS = 2.0, 0.7
"""Standard deviations with which each step, and the field after it, are smoothed."""

NOISE_HU = 2.0
"""A window whose standard deviation is below this is flat."""

LEAST = 1e-3
"""A window with a smaller share of its voxels in the mask counts as this share."""

PARAMETERS = {
    "steps": STEPS, "window": WINDOW, "step_voxels": STEP_VOXELS, "field_voxels": FIELD_VOXELS, "flat_hu": NOISE_HU,
}  # fmt: skip


def fields(parts: Sequence[CommonPart], device: torch.device) -> list[np.ndarray]:
    """Return the shift of each part on its fixed grid, as `greedy.deform`: float32 (z, y, x, 3), mm.

    Args:
        parts: of one shape and spacing.
        device: where it is computed.
    """
    coarsest = STEPS[0][0]
    shape = parts[0].mask.shape
    pads = [pad for size in shape[::-1] for pad in (0, -size % coarsest)]

    def batch(arrays: Sequence[np.ndarray], mode: str) -> torch.Tensor:
        stacked = torch.from_numpy(np.stack(arrays).astype(np.float32))[:, None].to(device)
        return F.pad(stacked, pads, mode=mode)

    fixed = batch([part.fixed.image.hu for part in parts], "replicate")
    moving = batch([part.moved.image.hu for part in parts], "replicate")
    mask = batch([part.mask for part in parts], "constant")
    shift = torch.zeros(0, device=device)
    with torch.inference_mode():
        for factor, count in STEPS:
            images = _Images(*(F.avg_pool3d(one, factor) if factor > 1 else one for one in (fixed, moving, mask)))
            size = images.fixed.shape[2:]
            shift = 2 * _upsampled(shift, size) if len(shift) else fixed.new_zeros(len(parts), 3, *size)
            for _ in range(count):
                shift = _stepped(images, shift)
    z, y, x = shape
    spacing = parts[0].fixed.image.spacing_mm
    found = (shift[:, :, :z, :y, :x] * spacing).movedim(1, -1).cpu().numpy()
    return [np.ascontiguousarray(one, dtype=np.float32) for one in found]


@dataclass(frozen=True, eq=False)
class _Images:
    """A batch of pairs on one level, each (crops, 1, z, y, x), and the mask of what counts."""

    fixed: torch.Tensor
    moving: torch.Tensor
    mask: torch.Tensor


def _stepped(images: _Images, shift: torch.Tensor) -> torch.Tensor:
    """Return the shift, (crops, 3, z, y, x) in voxels along x, y, z, after one step."""
    step = _smoothed(_ascent(images, shift), STEP_VOXELS)
    longest = step.square().sum(dim=1).flatten(1).amax(dim=1).sqrt().view(-1, 1, 1, 1, 1)
    step = step / longest.clamp_min(1e-12)
    return _smoothed(_moved(shift, step) + step, FIELD_VOXELS)


def _ascent(images: _Images, shift: torch.Tensor) -> torch.Tensor:
    """Return the gradient of `agreement_by_definition` by the shift of every voxel."""
    by_value = slope_of_agreement(images.fixed, _moved(images.moving, shift), images.mask)
    return by_value * slopes(images.moving, shift)


def slopes(image: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Return the slopes along x, y, z of what `_moved` reads: exactly those of the lines between the voxels."""
    found = []
    for axis in range(
        3
    ):  # x, y, z; a difference holds between two voxels along its axis, and is linear along the others
        difference = F.pad(torch.diff(image, dim=4 - axis), [0, 0] * axis + [0, 1])
        found.append(_moved(difference, shift, floored=axis))
    return torch.cat(found, dim=1)


def agreement_by_definition(fixed: torch.Tensor, moved: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the sum of the signed squares of the correlations in windows round every voxel."""
    cov, var_f, var_m = _moments(fixed, moved, mask)[2:]
    return (cov * cov.abs() / (var_f * var_m)).sum()


def slope_of_agreement(fixed: torch.Tensor, moved: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the gradient of `agreement_by_definition` by the values of the moved image."""
    mean_f, mean_m, cov, var_f, var_m = _moments(fixed, moved, mask)
    of_f = 2 * cov.abs() / (var_f * var_m) / _windows(mask).clamp_min(LEAST)
    of_m = of_f * cov / var_m
    return mask * (fixed * _windows(of_f) - _windows(of_f * mean_f) - moved * _windows(of_m) + _windows(of_m * mean_m))


def _moments(fixed: torch.Tensor, moved: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return both means, the covariance, and both variances in the windows."""
    share = _windows(mask).clamp_min(LEAST)
    mean_f, mean_m = _windows(mask * fixed) / share, _windows(mask * moved) / share
    cov = _windows(mask * fixed * moved) / share - mean_f * mean_m
    var_f, var_m = (
        (_windows(mask * one.square()) / share - mean.square()).clamp_min(0.0) + NOISE_HU**2
        for one, mean in ((fixed, mean_f), (moved, mean_m))
    )
    return mean_f, mean_m, cov, var_f, var_m


def _windows(values: torch.Tensor) -> torch.Tensor:
    """Return sums in windows, each divided by the voxels of a whole window; beyond the crop there is nothing."""
    return F.avg_pool3d(values, WINDOW, stride=1, padding=WINDOW // 2)


def _moved(values: torch.Tensor, shift: torch.Tensor, floored: int | None = None) -> torch.Tensor:
    """Read values at the shifted places, linearly; beyond the crop its edge goes on.

    Along the axis `floored` (0 for x) they are read at the voxel before the place.
    """
    size = values.shape[:1:-1]
    axes = [torch.arange(n, device=values.device, dtype=values.dtype) for n in size]
    places = torch.stack(torch.meshgrid(*axes[::-1], indexing="ij")[::-1]) + shift
    if floored is not None:
        places[:, floored].floor_()
    last = torch.tensor(size, device=values.device, dtype=values.dtype).sub_(1).clamp_min_(1).view(3, 1, 1, 1)
    unit = (places * (2 / last) - 1).movedim(1, -1)
    return F.grid_sample(values, unit, mode="bilinear", padding_mode="border", align_corners=True)


def _smoothed(values: torch.Tensor, sigma: float) -> torch.Tensor:
    """Smooth each channel with a Gaussian to three sigma, axis by axis; beyond the crop there is nothing.

    These are products with banded matrices: CUDA rounds convolutions of float32 to ten bits (TF32), over 160 steps too coarse.
    """
    for axis in (2, 3, 4):
        at = torch.arange(values.shape[axis], dtype=values.dtype, device=values.device)
        away = at[:, None] - at
        reach = torch.arange(-np.ceil(3 * sigma), np.ceil(3 * sigma) + 1)
        whole = float(torch.exp(-reach.square() / (2 * sigma**2)).sum())
        band = torch.exp(-away.square() / (2 * sigma**2)) * (away.abs() <= reach[-1].item()) / whole
        values = (values.transpose(axis, 4) @ band).transpose(axis, 4)
    return values


def _upsampled(shift: torch.Tensor, size: torch.Size) -> torch.Tensor:
    return F.interpolate(shift, size=size, mode="trilinear", align_corners=False)
