"""The backbones by name: what psi, the part of the network that describes an image, may be."""

from collections.abc import Callable

from torch import nn

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.dense_fpn import DenseFPN

BACKBONES: dict[str, Callable[[NetworkConfig], nn.Module]] = {"dense_fpn": DenseFPN}
"""A backbone takes a windowed crop, (batch, windows, z, y, x), to psi1, psi2, psi3, each (batch, features, cells z, y, x)
with one cell per STRIDES[0], STRIDES[1], STRIDES[2] voxels."""


def require_backbone(config: NetworkConfig) -> None:
    """Refuse a name that is not in the table.

    Raises:
        ValueError: with the names that are.
    """
    if config.backbone not in BACKBONES:
        raise ValueError(f"backbone {config.backbone!r} is not known: it is one of {sorted(BACKBONES)}")


def backbone_of(config: NetworkConfig) -> nn.Module:
    """Build psi of a network.

    Raises:
        ValueError: for a name that is not in the table.
    """
    require_backbone(config)
    return BACKBONES[config.backbone](config)
