"""The network of VoxelMorph, from MONAI's parts: a U-Net's velocities, integrated to the shift of every voxel.

Source: G. Balakrishnan et al., IEEE TMI 2019; diffeomorphic as in A. Dalca et al., MedIA 2019.
"""

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.network.precision import choose_dtype

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=r".*torch\.jit.*", category=DeprecationWarning)
    from monai.networks.blocks.warp import DVF2DDF, Warp
    from monai.networks.nets.voxelmorph import VoxelMorphUNet

SPACING_MM = 4.0
WINDOWS_HU = ((-1000.0, 500.0), (-160.0, 240.0))
"""The channels of an image: everything, soft tissue; each is mapped to [0, 1]."""


@dataclass(frozen=True)
class Sizes:
    """What the network is made of.

    Args:
        channels: of each level on the way down and on the way up, from the top: as many levels as in the paper, with half
            of its channels at full resolution, where most of the time goes.
        final_channels: of the convolutions before the velocities.
        integration_steps: of scaling and squaring, at half the resolution.

    Raises:
        ValueError: for sizes that make no network.
    """

    channels: tuple[int, ...] = (16, 16, 32, 32, 32, 32, 32, 32)
    final_channels: tuple[int, ...] = (16,)
    integration_steps: int = 6

    def __post_init__(self) -> None:
        """Refuse what makes no network."""
        numbers = (*self.channels, *self.final_channels, self.integration_steps)
        if len(self.channels) < 4 or len(self.channels) % 2 or min(numbers) < 1:
            raise ValueError(f"sizes of VoxelMorph: channels come in pairs, at least two, all positive, not {self}")

    @property
    def multiple(self) -> int:
        """Every side of an image has to be a multiple of this many voxels."""
        return int(2 ** (len(self.channels) // 2))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a card."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Sizes":
        """Read a card's values.

        Raises:
            ValueError: for values that make no network.
        """
        try:
            parsed: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
            }
            return cls(**parsed)
        except TypeError as error:
            raise ValueError(f"sizes of VoxelMorph cannot be read from {values}: {error}") from None


class RegistrationNet(nn.Module):
    """Takes a pair of images on one grid to the shift of every voxel.

    Args:
        sizes: of its parts.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.unet = VoxelMorphUNet(
            spatial_dims=3,
            in_channels=2 * len(WINDOWS_HU),
            unet_out_channels=sizes.channels[1],
            channels=sizes.channels,
            final_conv_channels=sizes.final_channels,
        ).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        with warnings.catch_warnings():  # MONAI says that it was not compiled with its own resampling
            warnings.filterwarnings("ignore", message=r".*Using PyTorch native grid_sample.*")
            self.integrate = DVF2DDF(sizes.integration_steps, padding_mode="border")
            self.warp = Warp(padding_mode="border")  # type: ignore[no-untyped-call]
        self._begin()

    def forward(self, fixed: torch.Tensor, moving: torch.Tensor) -> torch.Tensor:
        """Return where each voxel of `fixed` lies in `moving`, minus where it is.

        Args:
            fixed: (1, windows, z, y, x) in [0, 1]; each side a multiple of `sizes.multiple`.
            moving: the same.

        Returns:
            (1, 3, z, y, x), voxels along z, y, x, float32.
        """
        both = (torch.cat([fixed, moving], dim=1) - 0.5).contiguous(memory_format=torch.channels_last_3d)
        dtype = choose_dtype(both.device)
        with torch.autocast(both.device.type, dtype=dtype, enabled=dtype != torch.float32):
            velocity = self.unet(both)
        return self.integrated(velocity.float().contiguous())

    def _begin(self) -> None:
        """Begin as the paper's code does: signals keep their size from layer to layer, and no voxel is shifted.

        With torch's own first weights the signals fade on their way through fifteen layers without normalisation.
        """
        for layer in self.unet.modules():
            if isinstance(layer, nn.Conv3d):
                nn.init.kaiming_normal_(layer.weight, a=0.2)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.unet.net[-1][-1].conv.weight, std=1e-5)

    def integrated(self, velocity: torch.Tensor) -> torch.Tensor:
        """Integrate a velocity at half its resolution.

        Args:
            velocity: (1, 3, z, y, x), voxels along z, y, x in one unit of time.

        Returns:
            The shift after that time, the same shape.
        """
        full = velocity.shape[2:]
        half = [max(2, n // 2) for n in full]
        ratio = torch.tensor([(h - 1) / max(1, n - 1) for h, n in zip(half, full, strict=True)]).to(velocity)
        ratio = ratio.view(1, 3, 1, 1, 1)
        coarse = F.interpolate(velocity, size=half, mode="trilinear", align_corners=True) * ratio
        shift = F.interpolate(self.integrate(coarse), size=full, mode="trilinear", align_corners=True)
        return shift / ratio


def windowed(hu: torch.Tensor) -> torch.Tensor:
    """Return the channels of an image (z, y, x) in HU as (1, windows, z, y, x) in [0, 1]."""
    return torch.stack([((hu - low) / (high - low)).clamp(0.0, 1.0) for low, high in WINDOWS_HU])[None]


def displacement(net: RegistrationNet, fixed_hu: np.ndarray, moving_hu: np.ndarray) -> np.ndarray:
    """Return (z, y, x, 3): the place in `moving_hu` minus that in `fixed_hu`, in voxels along z, y, x.

    Args:
        net: in evaluation mode.
        fixed_hu: (z, y, x), HU, cubic voxels of about `SPACING_MM`.
        moving_hu: on the same grid.
    """
    device = next(net.parameters()).device
    sides = fixed_hu.shape
    ends = [(0, -n % net.sizes.multiple) for n in sides]
    images = [
        windowed(torch.from_numpy(np.pad(hu, ends, mode="edge").astype(np.float32)).to(device))
        for hu in (fixed_hu, moving_hu)
    ]
    with torch.inference_mode():
        shift = net(*images)[0].permute(1, 2, 3, 0).cpu().numpy()
    return np.asarray(shift[: sides[0], : sides[1], : sides[2]])
