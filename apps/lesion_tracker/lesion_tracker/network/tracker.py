"""Weights ready to answer: kernels of lesions, features of a search, and the score map of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.correlation import TemplateKernels
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.network.folded import FoldedFPN
from lesion_tracker.network.inputs import NetworkInput
from lesion_tracker.network.precision import choose_device, choose_dtype
from lesion_tracker.network.tracker_net import NetOutput, TrackerNet


@dataclass(frozen=True, eq=False)
class Tracker:
    """Published weights, ready to answer; safe to share between threads.

    Args:
        net: in eval mode, on `device`.
        config: its sizes and variant.
        card: the whole model card.
        name: of the model, from the card.
        sha256: of the weights file.
        device: where it computes.
        dtype: in what it multiplies; the score map is float32.
        psi: gives the features of a crop as `net.psi` does, faster; None: `net.psi` itself.
    """

    net: TrackerNet
    config: NetworkConfig
    card: dict[str, Any]
    name: str
    sha256: str
    device: torch.device
    dtype: torch.dtype
    psi: nn.Module | None = None

    def kernels(
        self, image: torch.Tensor, signal: torch.Tensor, cells: Sequence[tuple[int, int, int]]
    ) -> list[TemplateKernels]:
        """Return the folded kernels of L lesions of one template crop at three scales.

        Args:
            image: windowed template crop, (1 or L, windows, z, y, x).
            signal: its anatomy signals, (L, 1, cells z, y, x).
            cells: for each lesion the cell (z, y, x) that the kernels are cut round.
        """
        with torch.inference_mode(), self._autocast():
            return self.net.kernels_of(self._psi(image), signal.to(self.device), cells)

    def features(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return psi1, psi2, psi3 of a windowed crop, (1, windows, z, y, x): one for all lesions of a search."""
        with torch.inference_mode(), self._autocast():
            return self._psi(image)

    def logits(
        self, kernels: list[TemplateKernels], features: list[torch.Tensor], signal: torch.Tensor
    ) -> torch.Tensor:
        """Correlate L lesions with one search.

        Args:
            kernels: of L lesions.
            features: of the search crop.
            signal: the search's anatomy signals, (L, 1, cells z, y, x).

        Returns:
            (L, cells z, y, x), float32, on the CPU; their sigmoid is the score map.
        """
        with torch.inference_mode(), self._autocast():
            here = [image.to(self.device) for image in features]
            return self.net.logits(kernels, here, signal.to(self.device)).float().cpu()

    def presence(
        self, kernels: list[TemplateKernels], features: list[torch.Tensor], logits: torch.Tensor
    ) -> torch.Tensor | None:
        """Return the logit of "it is there" of L lesions, (L,), float32, on the CPU; None from weights without the head.

        Args:
            kernels: of the L lesions.
            features: of the search crop.
            logits: what `logits` returned for both.
        """
        with torch.inference_mode(), self._autocast():
            here = [image.to(self.device) for image in features]
            found = self.net.presence(kernels, here, logits.to(self.device))
        return None if found is None else found.float().cpu()

    def answer(self, inputs: NetworkInput) -> NetOutput:
        """Answer for the L lesions of an input, on the CPU."""
        kernels = self.kernels(inputs.template_image, inputs.template_signal, inputs.cells)
        return self.answer_to(kernels, inputs.search_image, inputs.search_signal)

    def answer_to(self, kernels: list[TemplateKernels], image: torch.Tensor, signal: torch.Tensor) -> NetOutput:
        """Answer for L lesions, whose kernels serve several searches, in one of them: windowed crop and anatomy signals."""
        features = self.features(image)
        logits = self.logits(kernels, features, signal)
        return NetOutput(logits, self.presence(kernels, features, logits))

    def score(self, inputs: NetworkInput) -> torch.Tensor:
        """Return the logits of the L lesions of an input, (L, cells z, y, x), float32, on the CPU."""
        return self.answer(inputs).logits

    def _psi(self, image: torch.Tensor) -> list[torch.Tensor]:
        here = image.to(self.device, memory_format=torch.channels_last_3d)
        found: list[torch.Tensor] = (self.psi or self.net.psi)(here)
        return found

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=self._short, enabled=self.dtype != torch.float32)

    @property
    def _short(self) -> torch.dtype:
        return torch.bfloat16 if self.dtype == torch.float32 else self.dtype


def tracker_from_net(
    net: TrackerNet, *, name: str = "", sha256: str = "", card: dict[str, Any] | None = None, device: str = "auto"
) -> Tracker:
    """Make a network that is at hand usable as a Tracker; it is moved to the device and set to eval mode.

    A network that is trained afterwards needs a new Tracker: psi is folded from the weights as they are now.

    Args:
        net: the network itself, not a copy.
        name: of the model.
        sha256: of its weights file, where there is one.
        card: the whole model card.
        device: "auto", "cpu", "cuda" or "cuda:<number>".

    Raises:
        ValueError: for a device that this machine does not have.
    """
    there = choose_device(device)
    ready = net.to(there).to(memory_format=torch.channels_last_3d).eval()  # type: ignore[call-overload]
    dtype = choose_dtype(there)
    psi = FoldedFPN(ready.psi, dtype) if isinstance(ready.psi, DenseFPN) else None
    return Tracker(ready, net.config, dict(card or {}), name, sha256, there, dtype, psi)
