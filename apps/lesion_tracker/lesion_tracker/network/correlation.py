"""Fast cross-correlation: template kernels, K_g flattened along z, y and x, and the correspondence map (Eq. 4-6)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.network.config import NetworkConfig


@dataclass(frozen=True)
class TemplateKernels:
    """The kernels of one template at one scale, each (batch, channels, z, y, x) in cells: K, then the flattened K_g.

    Args:
        parts: the kernels.
        center: psi round the lesion, (batch, features); None in a network without the head that reads it.
    """

    parts: tuple[torch.Tensor, ...]
    center: torch.Tensor | None = None

    def of(self, numbers: Sequence[int]) -> "TemplateKernels":
        """Return the kernels of some templates of the batch, by their numbers."""
        some = list(numbers)
        return TemplateKernels(
            tuple(part[some] for part in self.parts), None if self.center is None else self.center[some]
        )


def crop_kernel(fused: torch.Tensor, cell: tuple[int, int, int], size: tuple[int, int, int]) -> torch.Tensor:
    """Cut C(F, cell, size) out of a feature map; what lies beyond it is 0.

    Args:
        fused: (batch, channels, z, y, x).
        cell: (z, y, x) of the cell in the middle.
        size: (z, y, x) in cells, odd.
    """
    pads: list[int] = []
    slices = [slice(None), slice(None)]
    for axis, (middle, length) in enumerate(zip(cell, size, strict=True)):
        start, stop = middle - length // 2, middle + length // 2 + 1
        limit = fused.shape[axis + 2]
        pads = [max(0, -start), max(0, stop - limit), *pads]
        slices.append(slice(max(0, start), min(stop, limit)))
    return F.pad(fused[tuple(slices)], pads)


class TemplateKernelMaker(nn.Module):
    """Cuts K and the flattened K_g out of a template's fused features at one scale.

    Args:
        config: fused channels, global_kernel and flattening are used here.

    Source: section 3.3 of Cai et al., Deep Lesion Tracker, CVPR 2021. The paper's names K_g,x (7,1,11) and
    K_g,y (7,11,1) are swapped against (z, y, x); here a part is named after the axis that it has lost.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.global_kernel = config.global_kernel
        self.learned = config.flattening == "learned"
        self.flatten = nn.ModuleList()
        if config.global_kernel is not None and self.learned:
            for axis in range(3):
                z, y, x = (config.global_kernel[axis] if other == axis else 1 for other in range(3))
                layer = nn.Conv3d(config.fused, config.fused, (z, y, x), bias=False)
                _start_as_mean(layer)
                self.flatten.append(layer)

    def forward(self, fused: torch.Tensor, cell: tuple[int, int, int]) -> TemplateKernels:
        """Return K (3, 3, 3) round `cell` and, if there is a K_g, its parts (1, y, x), (z, 1, x) and (z, y, 1)."""
        kernel = crop_kernel(fused, cell, (3, 3, 3))
        if self.global_kernel is None:
            return TemplateKernels((kernel,))
        whole = crop_kernel(fused, cell, self.global_kernel)
        if self.learned:
            return TemplateKernels((kernel, *(layer(whole) for layer in self.flatten)))
        middle = [whole.narrow(axis + 2, self.global_kernel[axis] // 2, 1) for axis in range(3)]
        return TemplateKernels((kernel, *middle))


@torch.no_grad()
def _start_as_mean(layer: nn.Conv3d) -> None:
    """Start a flattening convolution as the mean along its axis, channel by channel."""
    weight = torch.randn_like(layer.weight) * 0.01 / layer.weight[0].numel() ** 0.5
    taps = layer.weight[0, 0].numel()
    for channel in range(layer.out_channels):
        weight[channel, channel] += 1.0 / taps
    layer.weight.copy_(weight)


def correlate_by_definition(kernels: TemplateKernels, search: torch.Tensor) -> torch.Tensor:
    """Return M = K * S + sum of K_g,i * S, channel by channel (Eq. 6), each part divided by its number of cells.

    The division only rescales W of Eq. 7; it keeps the parts of different size comparable at the start.

    Args:
        kernels: of one template; batch 1.
        search: S, (1, channels, z, y, x).

    Returns:
        (1, channels, z, y, x).
    """
    channels = search.shape[1]
    total = torch.zeros_like(search)
    for part in kernels.parts:
        weight = (part / part[0, 0].numel()).transpose(0, 1)
        padding = tuple(n // 2 for n in part.shape[2:])
        total = total + F.conv3d(search, weight.to(search.dtype), padding=padding, groups=channels)
    return total


def fold(kernels: TemplateKernels, weights: torch.Tensor) -> TemplateKernels:
    """Fold W of Eq. 7 into the kernels: correlating them sums over the channels and gives W^T M at once, exactly.

    Args:
        kernels: of a batch of templates.
        weights: W, shape (channels,).
    """
    scale = weights.view(1, -1, 1, 1, 1)
    return replace(kernels, parts=tuple(part * scale / part[0, 0].numel() for part in kernels.parts))


def correlate(folded: TemplateKernels, search: torch.Tensor) -> torch.Tensor:
    """Return W^T M for a batch of lesions, each with its own kernels and its own S.

    Each part is one batched matrix product over the channels, followed by a sum of shifted maps: the arithmetic of one
    grouped convolution 64 -> 1. (As `conv3d(groups=L)` the same took 50 times longer for 6 lesions on a CPU.)

    Args:
        folded: kernels of L lesions, batch L.
        search: S of the same lesions, (L, channels, z, y, x).

    Returns:
        (L, 1, z, y, x), float32 (float64 for float64).
    """
    total = torch.zeros(search.shape[0], *search.shape[2:], dtype=_sum_type(search), device=search.device)
    for part in folded.parts:
        total = total + _TapSum.apply(part.to(search.dtype), search)  # type: ignore[no-untyped-call]
    return total[:, None]


class _TapSum(torch.autograd.Function):
    """out(p) = sum over taps t and channels c of kernel(c, t) * search(c, p + t), with 0 beyond the search."""

    @staticmethod
    def forward(ctx: Any, kernel: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        """Multiply all cells with all taps, then add the shifted maps."""
        ctx.save_for_backward(kernel, search)
        taps = torch.bmm(kernel.flatten(2).transpose(1, 2), search.flatten(2))
        taps = taps.view(kernel.shape[0], -1, *search.shape[2:])
        out = torch.zeros(search.shape[0], *search.shape[2:], dtype=_sum_type(search), device=search.device)
        for number, (into, come_from) in enumerate(_shifts(tuple(kernel.shape[2:]), tuple(search.shape[2:]))):
            out[(slice(None), *into)] += taps[:, number][(slice(None), *come_from)]
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Spread the gradient to the taps, then multiply with what each side met."""
        kernel, search = ctx.saved_tensors
        grad = grad.to(search.dtype)
        shifts = _shifts(tuple(kernel.shape[2:]), tuple(search.shape[2:]))
        spread = torch.zeros(search.shape[0], len(shifts), *search.shape[2:], dtype=search.dtype, device=search.device)
        for number, (into, come_from) in enumerate(shifts):
            spread[:, number][(slice(None), *come_from)] = grad[(slice(None), *into)]
        flat = spread.flatten(2)
        grad_kernel = torch.bmm(search.flatten(2), flat.transpose(1, 2)).view(kernel.shape)
        grad_search = torch.bmm(kernel.flatten(2), flat).view(search.shape)
        return grad_kernel, grad_search


def _sum_type(search: torch.Tensor) -> torch.dtype:
    """Sums of short numbers are kept in float32."""
    return torch.promote_types(search.dtype, torch.float32)


Slices = tuple[slice, slice, slice]


@lru_cache(maxsize=64)
def _shifts(taps: tuple[int, int, int], cells: tuple[int, int, int]) -> tuple[tuple[Slices, Slices], ...]:
    """Return for each tap (z, y, x) where its map adds to the output, and which part of it does."""
    found = []
    for tap in product(*(range(n) for n in taps)):
        offsets = [t - n // 2 for t, n in zip(tap, taps, strict=True)]
        into = [slice(max(0, -o), max(0, min(n, n - o))) for o, n in zip(offsets, cells, strict=True)]
        come_from = [slice(max(0, o), max(0, min(n, n + o))) for o, n in zip(offsets, cells, strict=True)]
        found.append(((into[0], into[1], into[2]), (come_from[0], come_from[1], come_from[2])))
    return tuple(found)
