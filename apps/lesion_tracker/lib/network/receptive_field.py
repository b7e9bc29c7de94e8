"""How far beyond its own voxels a cell looks: what the halo of a tile must be, to be exact."""

from lib.network.config import STRIDES, NetworkConfig

Layer = tuple[int, int, int]
"""Kernel, stride and padding of one layer along one axis."""


def receptive_field_voxels(config: NetworkConfig) -> tuple[int, int, int]:
    """Return how many voxels (x, y, z) the cells of a block of 16 x 16 x 2 voxels read beyond it, on the worse side.

    With DenseNet-121's blocks (6, 12, 24) these are 509 x 509 x 87 voxels, that is 407 x 407 x 174 mm: more than a body
    is wide. With (4, 8, 12) they are 277 x 277 x 51 voxels, 222 x 222 x 102 mm. What lies so far out hardly counts
    in a cell, but only a halo of this size makes tiles equal to the undivided image.
    """
    in_plane = _reach(_layers_in_plane(config), STRIDES[2][0])
    return in_plane, in_plane, _reach(_layers_along_z(config), STRIDES[2][2])


def _layers_in_plane(config: NetworkConfig) -> list[Layer]:
    """Stem, pooling, and the blocks with a transition between them; upsampling stays inside a cell of the coarsest."""
    layers = [(7, 2, 3), (3, 2, 1)]
    for number, count in enumerate(config.blocks):
        layers += [(3, 1, 1)] * count
        if number < 2:
            layers.append((2, 2, 0))
    return layers


def _layers_along_z(config: NetworkConfig) -> list[Layer]:
    """Stem and blocks; nothing else looks along z."""
    return [(7, 2, 3), *[(3, 1, 1)] * sum(config.blocks)]


def _reach(layers: list[Layer], block: int) -> int:
    """Return how far the layers look beyond a cell of `block` voxels; together they stride by that much."""
    jump, before, last = 1, 0, 0
    for kernel, stride, padding in layers:
        before += padding * jump
        last += (kernel - 1 - padding) * jump
        jump *= stride
    return max(before, last - (block - 1))
