"""A RetinaNet on the DenseFPN: each cell of three scales says how lesion-like it is, and which ball it stands for.

Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017; balls instead of boxes, because lesions are balls here.
"""

from contextlib import nullcontext
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn

from lib.network.config import STRIDES, NetworkConfig
from lib.network.dense_fpn import DenseFPN
from lib.network.lattice import crop_grid
from lib.network.precision import choose_dtype
from lib.studies.grid import Grid

Mode = Literal["3d", "2.5d"]
"""3d: reads a crop, answers for all of its cells. 2.5d: reads a slab of slices, answers for its middle."""

SLAB_SLICES = 6
"""Slices of 2 mm that the 2.5D detector reads at once; three cells, of which the middle one answers."""

ANCHOR_MM = (6.0, 12.0, 24.0)
"""Radius of the anchor ball in each cell of the three scales."""

TRUNK = NetworkConfig(blocks=(3, 4, 4), growth=16, stem=24, features=32, global_kernel=None, anatomy=False)
PRIOR = 0.01
"""What every cell scores before training, as in the paper."""


class DetectorNet(nn.Module):
    """The network.

    Args:
        mode: what it reads and answers for.
        trunk: sizes of the DenseFPN.

    Raises:
        ValueError: for an unknown mode.
    """

    def __init__(self, mode: Mode, trunk: NetworkConfig = TRUNK) -> None:
        super().__init__()
        if mode not in get_args(Mode):
            raise ValueError(f"the mode must be one of {get_args(Mode)}, got {mode!r}")
        self.mode, self.trunk = mode, trunk
        self.psi = DenseFPN(trunk)
        self.scores = _branch(trunk.features, 1, 3 if mode == "3d" else 1)
        self.balls = _branch(trunk.features, 4, 3 if mode == "3d" else 1)
        with torch.no_grad():
            self.scores[-1].bias.fill_(float(np.log(PRIOR / (1 - PRIOR))))  # type: ignore[union-attr, operator]

    @property
    def config(self) -> dict[str, Any]:
        """Return what `from_config` needs, as plain JSON values."""
        return {"mode": self.mode, "trunk": self.trunk.to_json()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DetectorNet":
        """Build the network of a card.

        Raises:
            ValueError: for an unknown mode or size.
            KeyError: for one that is missing.
        """
        return cls(config["mode"], NetworkConfig.from_json(config["trunk"]))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Answer for a batch of windowed crops (3d) or slabs (2.5d), (batch, windows, z, y, x).

        Returns:
            Logits (batch, anchors) and balls (batch, anchors, 4) relative to their anchors, float32; in the order of
            `anchors`.
        """
        features = self.psi(image)
        if self.mode == "2.5d":
            features = [part.narrow(2, part.shape[2] // 2, 1) for part in features]
        logits = [self.scores(part).flatten(1) for part in features]
        balls = [self.balls(part).flatten(2).transpose(1, 2) for part in features]
        return torch.cat(logits, dim=1).float(), torch.cat(balls, dim=1).float()


def anchors(grid: Grid, mode: Mode) -> np.ndarray:
    """Return the anchor balls of a crop or slab, (anchors, 4): centre (LPS mm) and radius (mm), scale after scale."""
    rows = []
    for stride, radius in zip(STRIDES, ANCHOR_MM, strict=True):
        nx, ny, nz = np.array(grid.size) // stride
        layers = np.arange(nz) if mode == "3d" else np.array([nz // 2])
        k, j, i = np.meshgrid(layers, np.arange(ny), np.arange(nx), indexing="ij")
        index = np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1) * stride + (np.array(stride) - 1) / 2
        rows.append(np.column_stack([grid.lps_from_indices(index), np.full(len(index), radius)]))
    return np.concatenate(rows)


def slab_grid(grid: Grid, start: int) -> Grid:
    """Return the slab of a crop that begins with slice `start`."""
    origin = grid.lps_from_indices(np.array([[0.0, 0.0, start]]))[0]
    return crop_grid(origin, (grid.size[0], grid.size[1], SLAB_SLICES))


def short_numbers() -> Any:
    """Return the context in which the networks multiply: bfloat16 where the processor has it."""
    dtype = choose_dtype(torch.device("cpu"))
    return nullcontext() if dtype == torch.float32 else torch.autocast("cpu", dtype=dtype)


def _branch(features: int, outputs: int, depth: int) -> nn.Sequential:
    """Return a head that all scales share; it looks `depth` cells along z."""
    kernel, padding = (depth, 3, 3), (depth // 2, 1, 1)
    layers = []
    for _ in range(2):
        layers += [nn.Conv3d(features, features, kernel, padding=padding), nn.ReLU(inplace=True)]
    last = nn.Conv3d(features, outputs, kernel, padding=padding)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return nn.Sequential(*layers, last)
