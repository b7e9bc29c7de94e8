"""How a study's lattice is divided into tiles, which of them a search touches, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from lib.network.config import SPACING_MM
from lib.network.lattice import BLOCK_VOXELS, crop_grid
from lib.studies.grid import Grid

Triple = tuple[int, int, int]
"""Along x, y, z."""


@dataclass(frozen=True)
class TileLayout:
    """Tiles side by side from LPS (0, 0, 0), each computed with a halo of its surroundings.

    Args:
        tile_voxels: size (x, y, z) of a tile without its halo, whole blocks of 16 x 16 x 2 voxels.
        halo_voxels: (x, y, z) on each side, whole blocks (`halo_of` rounds up). With at least
            `receptive_field_voxels` a tile equals the undivided image; less is cheaper, and as good as a search crop
            that ends that much further out.

    Raises:
        ValueError: for a size that is not of whole blocks.
    """

    tile_voxels: Triple
    halo_voxels: Triple

    def __post_init__(self) -> None:
        """Refuse what would cut a cell in two."""
        tile, halo = np.array(self.tile_voxels), np.array(self.halo_voxels)
        if (
            (tile < BLOCK_VOXELS).any()
            or (halo < 0).any()
            or (tile % BLOCK_VOXELS).any()
            or (halo % BLOCK_VOXELS).any()
        ):
            raise ValueError(
                f"tiles and halos must be whole blocks of {BLOCK_VOXELS.tolist()} voxels (x, y, z), "
                f"got tiles of {self.tile_voxels} with a halo of {self.halo_voxels}"
            )

    @property
    def tile_blocks(self) -> Triple:
        """Blocks (x, y, z) of a tile."""
        return _triple(np.array(self.tile_voxels) // BLOCK_VOXELS)

    @property
    def computed_voxels(self) -> int:
        """Voxels that one tile costs, with its halo."""
        return int(np.prod(np.array(self.tile_voxels) + 2 * np.array(self.halo_voxels)))

    def tiles_of(self, search_grid: Grid) -> list[Triple]:
        """Return the numbers (x, y, z) of the tiles that a search crop touches; tile (0, 0, 0) starts at LPS 0."""
        first, size = blocks_of(search_grid)
        tile = np.array(self.tile_blocks)
        low, high = np.array(first) // tile, (np.array(first) + size - 1) // tile
        x, y, z = (range(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
        return list(product(x, y, z))

    def computed_grid(self, tile: Triple) -> Grid:
        """Return the crop that a tile is computed from: the tile and its halo."""
        halo = np.array(self.halo_voxels)
        first = np.array(tile) * self.tile_voxels - halo
        return crop_grid(first * np.array(SPACING_MM), _triple(np.array(self.tile_voxels) + 2 * halo))


def halo_of(voxels: Triple) -> Triple:
    """Return a halo of at least so many voxels (x, y, z), in whole blocks."""
    return _triple(-(-np.array(voxels) // BLOCK_VOXELS) * BLOCK_VOXELS)


def blocks_of(search_grid: Grid) -> tuple[Triple, Triple]:
    """Return the first block of a search crop, counted from LPS (0, 0, 0), and how many it has, along x, y, z.

    Raises:
        ValueError: if the crop does not lie on the lattice (`lattice.search_grid` makes crops that do).
    """
    first = search_grid.origin_mm / (BLOCK_VOXELS * np.array(SPACING_MM))
    size = np.array(search_grid.size)
    on_lattice = np.allclose(search_grid.lps_from_index[:3, :3], np.diag(SPACING_MM), atol=1e-6)
    if not on_lattice or np.abs(first - np.round(first)).max() > 1e-3 or (size % BLOCK_VOXELS).any():
        raise ValueError(
            f"a search crop of {search_grid.size} voxels at {search_grid.origin_mm.tolist()} mm does not lie on the "
            f"lattice of {BLOCK_VOXELS.tolist()} voxels (x, y, z) from LPS 0; tiles cannot be put together for it"
        )
    return _triple(np.round(first)), _triple(size // BLOCK_VOXELS)


def cost_of_tiles(layout: TileLayout, search_grids: Sequence[Grid]) -> int:
    """Return how many voxels the tiles of several search crops cost; a tile that two crops touch is computed once."""
    return len({tile for grid in search_grids for tile in layout.tiles_of(grid)}) * layout.computed_voxels


def cost_of_crops(search_grids: Sequence[Grid]) -> int:
    """Return how many voxels the crops themselves cost; crops at the same place are computed once."""
    return sum(
        int(np.prod(size)) * int(np.prod(BLOCK_VOXELS)) for _, size in {blocks_of(grid) for grid in search_grids}
    )


def tiles_are_cheaper(layout: TileLayout, search_grids: Sequence[Grid]) -> bool:
    """Say whether tiles cost fewer voxels than the crops themselves.

    What is cached already does not count, so the same request always takes the same way and gets the same answer.
    """
    return cost_of_tiles(layout, search_grids) < cost_of_crops(search_grids)


def _triple(values: np.ndarray) -> Triple:
    x, y, z = (int(value) for value in values)
    return x, y, z
