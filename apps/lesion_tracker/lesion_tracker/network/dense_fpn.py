"""psi: the 3D DenseNet with a feature pyramid that describes every cell of a crop at three scales."""

import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.network.config import WINDOWS_HU, NetworkConfig
from lesion_tracker.network.normalization import FrozenNorm, norm_relu


class DenseLayer(nn.Module):
    """norm, relu, 1x1x1, norm, relu, 3x3x3: adds `growth` channels to what it is given."""

    def __init__(self, channels: int, growth: int, bottleneck: int) -> None:
        super().__init__()
        self.norm1 = FrozenNorm(channels)
        self.conv1 = nn.Conv3d(channels, bottleneck * growth, 1, bias=False)
        self.norm2 = FrozenNorm(bottleneck * growth)
        self.conv2 = nn.Conv3d(bottleneck * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` with the new channels behind it."""
        new = self.conv2(norm_relu(self.norm2, self.conv1(norm_relu(self.norm1, x))))
        return torch.cat((x, new), dim=1)


class Transition(nn.Module):
    """Half the channels, half the resolution in plane; z keeps its resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = FrozenNorm(channels)
        self.conv = nn.Conv3d(channels, channels // 2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (b, c, z, y, x) to (b, c/2, z, y/2, x/2); pooling first is the same and cheaper."""
        return self.conv(F.avg_pool3d(norm_relu(self.norm, x), (1, 2, 2)))


class DenseFPN(nn.Module):
    """psi1, psi2, psi3 with strides (z, y, x) of (2, 4, 4), (2, 8, 8) and (2, 16, 16) voxels.

    The names of the parameters follow torchvision's DenseNet-121, so that its weights can be inflated (`inflation.py`).

    Args:
        config: blocks, growth, stem, bottleneck and features are used here.

    Source: section 3.1 of Cai et al., Deep Lesion Tracker, CVPR 2021; DenseNet (Huang 2017), FPN (Lin 2017).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.conv0 = nn.Conv3d(len(WINDOWS_HU), config.stem, 7, stride=2, padding=3, bias=False)
        self.norm0 = FrozenNorm(config.stem)
        self.blocks = nn.ModuleList()
        self.transitions = nn.ModuleList()
        self.norms = nn.ModuleList()
        self.laterals = nn.ModuleList()
        channels = config.stem
        for number, layers in enumerate(config.blocks):
            dense = [DenseLayer(channels + i * config.growth, config.growth, config.bottleneck) for i in range(layers)]
            channels += layers * config.growth
            self.blocks.append(nn.Sequential(*dense))
            self.norms.append(FrozenNorm(channels))
            self.laterals.append(nn.Conv3d(channels, config.features, 1))
            if number < 2:
                self.transitions.append(Transition(channels))
                channels //= 2

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Describe a windowed crop.

        Args:
            image: shape (batch, windows, z, y, x); z a multiple of 2, y and x of 16 voxels.

        Returns:
            psi1, psi2, psi3, each (batch, features, cells z, y, x).
        """
        x = F.max_pool3d(norm_relu(self.norm0, self.conv0(image)), (1, 3, 3), (1, 2, 2), (0, 1, 1))
        laterals = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            laterals.append(self.laterals[number](norm_relu(self.norms[number], x)))
            if number < 2:
                x = self.transitions[number](x)
        pyramid = [laterals[2]]
        for lateral in (laterals[1], laterals[0]):
            pyramid.append(lateral + F.interpolate(pyramid[-1], scale_factor=(1, 2, 2), mode="nearest"))
        return [unit_cells(features) for features in pyramid[::-1]]


def unit_cells(features: torch.Tensor, floor: float = 0.05) -> torch.Tensor:
    """Scale each cell's features to a root mean square of about 1, so that a correlation is bounded.

    The correlation is a product of four learned features; without this it grew without bound within 100 steps. The floor
    keeps cells without content small.

    Args:
        features: (batch, channels, z, y, x).
        floor: added to the mean square.
    """
    square = features.float().square().mean(dim=1, keepdim=True)
    return features * torch.rsqrt(square + floor).to(features.dtype)
