"""Normalisation by stored statistics: the same for every crop, tile and batch size."""

import torch
from torch import nn
from torch.nn import functional as F


class FrozenNorm(nn.Module):
    """Batch normalisation whose statistics are stored, never those of the batch.

    At batch size 1 the statistics of a crop say more about its anatomy than about the network, and a tile would be
    normalised differently from the crop round it. So mean and variance are measured once (`calibrating`), or come with
    ImageNet weights, and stay; weight and bias are learned.

    Args:
        channels: of the input, shape (batch, channels, z, y, x).
    """

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, channels: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.calibrating = False
        self._sums: tuple[torch.Tensor, torch.Tensor, int] | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise and scale each channel; same shape and type as `x`."""
        if self.calibrating:
            self._measure(x)
        scale = self.weight * torch.rsqrt(self.variance + self.epsilon)
        shift = self.bias - self.mean * scale
        shape = (1, -1, 1, 1, 1)
        return torch.addcmul(shift.to(x.dtype).view(shape), x, scale.to(x.dtype).view(shape))

    @torch.no_grad()
    def _measure(self, x: torch.Tensor) -> None:
        values = x.detach().float().transpose(0, 1).flatten(1)
        sums, squares, count = values.sum(1), values.square().sum(1), values.shape[1]
        if self._sums is not None:
            sums, squares, count = self._sums[0] + sums, self._sums[1] + squares, self._sums[2] + count
        self._sums = sums, squares, count
        self.mean.copy_(sums / count)
        self.variance.copy_((squares / count - (sums / count).square()).clamp_min(1e-6))


def set_calibrating(network: nn.Module, on: bool) -> None:
    """Switch the measuring of statistics on or off in every FrozenNorm of `network`; on starts from nothing."""
    for module in network.modules():
        if isinstance(module, FrozenNorm):
            module.calibrating = on
            module._sums = None


def norm_relu(norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return relu(norm(x))."""
    return F.relu(norm(x), inplace=True)
