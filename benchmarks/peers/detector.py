"""A RetinaNet on the DenseFPN: each cell of three scales says how lesion-like it is, and which ball it stands for.

Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017; balls instead of boxes, because lesions are balls here.
"""

from contextlib import nullcontext
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.network.config import SPACING_MM, STRIDES, WINDOWS_HU, NetworkConfig
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.network.normalization import FrozenNorm
from lesion_tracker.network.precision import choose_dtype
from lesion_tracker.volumes.grid import Grid

Mode = Literal["3d", "2.5d"]
"""3d: reads a crop, answers for all of its cells. 2.5d: reads a slab of slices, answers for its middle."""

SLAB_SLICES = 6
"""Slices of 2 mm that the 2.5D detector reads at once; three cells, of which the middle one answers."""

ANCHOR_MM = (6.0, 12.0, 24.0)
"""Radius of the anchor ball in each cell of the three scales."""

TRUNK = NetworkConfig(blocks=(3, 4, 4), growth=16, stem=24, features=32, global_kernel=None, anatomy=False)
CONTRAST_GAIN = 4.0
"""Brings the difference between cells and their surroundings, in windows of width 2, to about 1."""

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
        self.norms = nn.ModuleList([FrozenNorm(trunk.features) for _ in STRIDES])
        """What all cells have in common is taken away, so that the heads start from what tells them apart."""
        depth = 3 if mode == "3d" else 1
        width = trunk.features + 2 * len(WINDOWS_HU)
        self.scores = _branch(width, trunk.features, 1, depth)
        self.balls = _branch(width, trunk.features, 4, depth)
        with torch.no_grad():
            self.scores[-1].bias.fill_(float(np.log(PRIOR / (1 - PRIOR))))  # type: ignore[operator]

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
        features = [
            torch.cat((norm(part), contrast(image, stride)), dim=1)
            for part, norm, stride in zip(self.psi(image), self.norms, STRIDES, strict=True)
        ]
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


def contrast(image: torch.Tensor, stride: tuple[int, int, int]) -> torch.Tensor:
    """Return each cell's mean and how it differs from its surroundings, by window: what a blob is at this scale.

    From random weights a thousand steps are too few to find this out; with it the heads start from blobs.

    Args:
        image: (batch, windows, z, y, x).
        stride: voxels per cell along x, y, z.

    Returns:
        (batch, 2 windows, z, y, x) in cells: the mean of 3 x 3 cells in plane and as many mm along z, and that minus the
        mean of 5 x 5 cells.
    """
    sx, sy, sz = stride
    cells = F.avg_pool3d(image, (sz, sy, sx))
    layers = round(sx * SPACING_MM[0] / (sz * SPACING_MM[2]))  # of a cube one cell wide in plane
    inner = _mean(cells, 3, layers)
    return torch.cat((inner, CONTRAST_GAIN * (inner - _mean(cells, 5, layers))), dim=1)


def _mean(cells: torch.Tensor, width: int, layers: int) -> torch.Tensor:
    """Return the mean of `width` cells in plane and of as many mm along z, in at most 11 layers; less at the border."""
    most = [2 * ((n - 1) // 2) + 1 for n in cells.shape[2:]]  # odd, and not more than there are
    kernel = (min(2 * (width * layers // 2) + 1, 11, most[0]), min(width, most[1]), min(width, most[2]))
    return F.avg_pool3d(cells, kernel, 1, tuple(n // 2 for n in kernel), count_include_pad=False)


def _branch(inputs: int, width: int, outputs: int, depth: int) -> nn.Sequential:
    """Return a head that all scales share; it looks `depth` cells along z."""
    kernel, padding = (depth, 3, 3), (depth // 2, 1, 1)
    layers = []
    for number in range(2):
        layers += [nn.Conv3d(width if number else inputs, width, kernel, padding=padding), nn.ReLU(inplace=True)]
    last = nn.Conv3d(width, outputs, kernel, padding=padding)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return nn.Sequential(*layers, last)
