"""The whole network: template and search crops with their anatomy signals to a map of logits (Eq. 3 and 7)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.network.anatomy_encoder import AnatomyEncoder
from lesion_tracker.network.backbones import backbone_of
from lesion_tracker.network.config import STRIDES, NetworkConfig
from lesion_tracker.network.correlation import TemplateKernelMaker, TemplateKernels, correlate, fold
from lesion_tracker.network.inputs import NetworkInput
from lesion_tracker.network.lattice import cells_of
from lesion_tracker.network.presence import PresenceHead, center_of

GAIN = 1.5
"""W of Eq. 7 is `weight` times GAIN over its channels: `weight` starts at 1, and an optimiser moves it evenly."""


@dataclass(frozen=True, eq=False)
class NetOutput:
    """What the network says about L lesions.

    Args:
        logits: of the score maps, (L, cells z, y, x), float32.
        presence: logit of "it is there", (L,), float32; None from a network without that head.
    """

    logits: torch.Tensor
    presence: torch.Tensor | None


class TrackerNet(nn.Module):
    """Deep Lesion Tracker: psi, phi, their fusion, the kernels of a template, and the score map of a search crop.

    Args:
        config: sizes and variants.

    Raises:
        ValueError: for a backbone that is not known.

    Source: section 3 of Cai et al., Deep Lesion Tracker, CVPR 2021.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.psi = backbone_of(config)
        self.phi = AnatomyEncoder(config.features) if config.anatomy else None
        self.kernel_makers = nn.ModuleList([TemplateKernelMaker(config) for _ in STRIDES])
        self.weight = nn.Parameter(torch.ones(config.fused))
        self.bias = nn.Parameter(torch.tensor(-8.0))
        self.present = PresenceHead(config.features) if config.presence else None

    def fuse(self, images: list[torch.Tensor], signal: torch.Tensor) -> list[torch.Tensor]:
        """Fuse psi with phi of a signal at each scale (Eq. 3); one psi may serve a batch of signals.

        Args:
            images: psi at three scales, batch 1 or that of `signal`.
            signal: (batch, 1, z, y, x) at the cells of the finest scale.
        """
        if self.phi is None:
            return [image.expand(signal.shape[0], -1, -1, -1, -1) for image in images]
        anatomy = self.phi(signal)
        if self.config.fusion == "multiply":
            return [image * phi for image, phi in zip(images, anatomy, strict=True)]
        return [
            torch.cat((image.expand(phi.shape[0], -1, -1, -1, -1), phi), dim=1)
            for image, phi in zip(images, anatomy, strict=True)
        ]

    def template_kernels(
        self, image: torch.Tensor, signal: torch.Tensor, cells: Sequence[tuple[int, int, int]]
    ) -> list[TemplateKernels]:
        """Return the folded kernels of a batch of lesions at three scales.

        Args:
            image: windowed template crops, (1 or L, windows, z, y, x).
            signal: (L, 1, z, y, x) at the cells of the finest scale.
            cells: for each lesion the cell (z, y, x) of the finest scale that holds its centre.
        """
        return self.kernels_of(self.psi(image), signal, cells)

    def kernels_of(
        self, images: list[torch.Tensor], signal: torch.Tensor, cells: Sequence[tuple[int, int, int]]
    ) -> list[TemplateKernels]:
        """Return what `template_kernels` does, of psi of the template crops at three scales."""
        fused = self.fuse(images, signal)
        kernels = []
        for scale, (maker, features) in enumerate(zip(self.kernel_makers, fused, strict=True)):
            each = [maker(features[n : n + 1], cells_of(cell)[scale]) for n, cell in enumerate(cells)]
            parts = tuple(torch.cat(part) for part in zip(*(one.parts for one in each), strict=True))
            made = TemplateKernels(parts, self._centers(images, cells, scale))
            kernels.append(fold(made, self.weight * (GAIN / self.config.fused)))
        return kernels

    def _centers(
        self, images: list[torch.Tensor], cells: Sequence[tuple[int, int, int]], scale: int
    ) -> torch.Tensor | None:
        if self.present is None:
            return None
        image = images[scale].expand(len(cells), -1, -1, -1, -1)
        return torch.cat([center_of(image[n : n + 1], cells_of(cell)[scale]) for n, cell in enumerate(cells)])

    def logits(self, kernels: list[TemplateKernels], images: list[torch.Tensor], signal: torch.Tensor) -> torch.Tensor:
        """Correlate a batch of templates with a search (Eq. 7 without its sigmoid).

        Args:
            kernels: folded, of L lesions, at three scales.
            images: psi of the search at three scales, batch 1 or L.
            signal: of the search, (L, 1, z, y, x).

        Returns:
            (L, cells z, y, x), float32.
        """
        fused = self.fuse(images, signal)
        maps = [correlate(kernel, features).float() for kernel, features in zip(kernels, fused, strict=True)]
        total = maps[0]
        for scale, small in ((2, maps[1]), (4, maps[2])):
            total = total + F.interpolate(small, scale_factor=(1, scale, scale), mode="nearest")
        return (total + self.bias.float())[:, 0]

    def presence(
        self, kernels: list[TemplateKernels], images: list[torch.Tensor], logits: torch.Tensor
    ) -> torch.Tensor | None:
        """Return the logit of "it is there" of L lesions, (L,); None without the head.

        Args:
            kernels: of the L lesions, at three scales.
            images: psi of the search at three scales, batch 1 or L.
            logits: what `logits` returned for both.
        """
        if self.present is None:
            return None
        centers = [kernel.center for kernel in kernels if kernel.center is not None]
        found: torch.Tensor = self.present(centers, images, logits)
        return found

    def answer(self, inputs: NetworkInput) -> NetOutput:
        """Return all that the network says about the L lesions of an input."""
        kernels = self.template_kernels(inputs.template_image, inputs.template_signal, inputs.cells)
        images = self.psi(inputs.search_image)
        logits = self.logits(kernels, images, inputs.search_signal)
        return NetOutput(logits, self.presence(kernels, images, logits))

    def forward(self, inputs: NetworkInput) -> torch.Tensor:
        """Return the logits of L lesions, (L, cells z, y, x), float32; their sigmoid is the score map."""
        return self.answer(inputs).logits
