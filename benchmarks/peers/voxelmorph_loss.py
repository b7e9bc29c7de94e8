"""What VoxelMorph learns by, without any truth: local correlation of the images, and smoothness of the shifts."""

import warnings

import torch
from monai.losses.deform import DiffusionLoss
from monai.losses.image_dissimilarity import LocalNormalizedCrossCorrelationLoss
from torch.nn import functional as F

WINDOW = 7
"""Voxels of the local correlation."""

SCALES = (1, 2, 4)
"""It is taken on images averaged over so many voxels along each axis: coarse ones agree from further away."""

FLAT = 0.1
"""Sum of squares in a window below which it says nothing: a standard deviation of 0.017 of a channel's range."""

SMOOTHNESS = 0.5
"""Weight of the mean square of the shifts' slopes."""


def registration_loss(
    fixed: torch.Tensor, warped: torch.Tensor, body: torch.Tensor, shift: torch.Tensor
) -> torch.Tensor:
    """Return the loss of one pair.

    Args:
        fixed: (1, windows, z, y, x) in [0, 1].
        warped: the moving image after the shifts, the same.
        body: (1, 1, z, y, x), 1 where the similarity counts.
        shift: (1, 3, z, y, x), voxels.

    Returns:
        -1 for images that agree everywhere, plus the smoothness.
    """
    images = (fixed, warped, body)
    similarity = torch.stack(
        [_similarity(*(F.avg_pool3d(image, scale) for image in images)) for scale in SCALES]
    ).mean()
    with warnings.catch_warnings():  # MONAI indexes by lists of slices, which torch will read otherwise one day
        warnings.filterwarnings("ignore", message=r"Using a non-tuple sequence for multidimensional indexing.*")
        smoothness = DiffusionLoss()(shift)
    return similarity + SMOOTHNESS * smoothness


def _similarity(fixed: torch.Tensor, warped: torch.Tensor, body: torch.Tensor) -> torch.Tensor:
    measure = LocalNormalizedCrossCorrelationLoss(kernel_size=WINDOW, smooth_dr=FLAT, reduction="none")
    return (measure(warped, fixed).mean(dim=1, keepdim=True) * body).sum() / body.sum().clamp_min(1.0)
