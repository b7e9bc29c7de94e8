"""What a place looks like as a vector: nearest neighbours are the same lesion; with position, also in the same place.

The DenseFPN is read at the place in its three scales. With position, waves of the place in the affine-registered frame are
appended: two vectors' product then falls with the distance of their places, by amplitudes that are learned. They stand
behind the image's part, so that the image alone can be compared too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.arrays import PointsMm
from lesion_tracker.network.config import STRIDES, NetworkConfig
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.network.normalization import FrozenNorm
from lesion_tracker.volumes.grid import Grid

TRUNK = NetworkConfig(blocks=(3, 4, 4), growth=16, stem=24, features=32, global_kernel=None, anatomy=False)
LENGTH = 64
WAVES_MM = (48.0, 96.0, 192.0, 384.0)
"""Lengths of the waves of the position along each axis."""


class EmbeddingNet(nn.Module):
    """The network.

    Args:
        position: whether the place enters, beside the image.
        trunk: sizes of the DenseFPN.
    """

    def __init__(self, position: bool, trunk: NetworkConfig = TRUNK) -> None:
        super().__init__()
        self.position, self.trunk = position, trunk
        self.psi = DenseFPN(trunk)
        width = len(STRIDES) * trunk.features
        self.enter = FrozenNorm(width)
        self.spread = nn.BatchNorm1d(LENGTH, affine=False, momentum=0.05)
        """Of the places of an example: with stored statistics all vectors pointed the same way after 200 steps."""
        self.head = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, LENGTH))
        self.log_scale = nn.Parameter(torch.tensor([2.3]))
        """Half of it multiplies the image's part: a product of two vectors is up to exp(log_scale), about 10 at the start."""
        if position:
            self.log_amplitudes = nn.Parameter(torch.full((3 * len(WAVES_MM),), -1.0))

    @property
    def config(self) -> dict[str, Any]:
        """Return what `from_config` needs, as plain JSON values."""
        return {"position": self.position, "trunk": self.trunk.to_json()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "EmbeddingNet":
        """Build the network of a card.

        Raises:
            ValueError: for an unknown size.
            KeyError: for one that is missing.
        """
        return cls(bool(config["position"]), NetworkConfig.from_json(config["trunk"]))

    def embed(
        self, features: Sequence[torch.Tensor], grid: Grid, points_mm: PointsMm, offsets_mm: PointsMm
    ) -> torch.Tensor:
        """Embed places of one crop.

        Args:
            features: of `psi`, batch 1.
            grid: the crop.
            points_mm: (n, 3) LPS, in the crop.
            offsets_mm: (n, 3), the same places in the follow-up's frame, from the middle of the follow-up: a place of the
                baseline is taken there by the affine.

        Returns:
            (n, length), float32; all of one norm, so the nearest has the largest product.
        """
        return self.vectors(self.spread(self.look(features, grid, points_mm)), offsets_mm)

    def look(self, features: Sequence[torch.Tensor], grid: Grid, points_mm: PointsMm) -> torch.Tensor:
        """Return what the image shows at places, (n, 64) float32, before it is spread and scaled."""
        seen = torch.cat([_at(part, grid, points_mm, s) for part, s in zip(features, STRIDES, strict=True)], dim=1)
        return self.head(self.enter(seen[..., None, None, None]).flatten(1)).float()

    def vectors(self, spread: torch.Tensor, offsets_mm: PointsMm) -> torch.Tensor:
        """Return vectors of one length from what the image shows and where it is; as `embed`."""
        image = F.normalize(spread, dim=1) * torch.exp(self.log_scale / 2)
        return torch.cat([image, self._waves(offsets_mm)], dim=1) if self.position else image

    def _waves(self, offsets_mm: PointsMm) -> torch.Tensor:
        phases = 2 * np.pi * np.asarray(offsets_mm)[:, :, None] / np.array(WAVES_MM)
        flat = torch.from_numpy(phases.reshape(len(phases), -1)).float().to(self.log_amplitudes.device)
        amplitudes = torch.exp(self.log_amplitudes / 2)
        return torch.cat([amplitudes * torch.sin(flat), amplitudes * torch.cos(flat)], dim=1)


def _at(features: torch.Tensor, grid: Grid, points_mm: PointsMm, stride: tuple[int, int, int]) -> torch.Tensor:
    """Interpolate features (1, channels, z, y, x) at LPS points, (n, channels); the border's beyond the outer cells."""
    cells = (grid.indices_from_lps(points_mm) - (np.array(stride) - 1) / 2) / stride
    last = np.maximum(np.array(features.shape[:1:-1]) - 1, 1)
    unit = torch.from_numpy(2 * cells / last - 1).float().to(features.device)[None, None, None]
    found = F.grid_sample(features.float(), unit, padding_mode="border", align_corners=True)
    return found[0, :, 0, 0].T
