"""psi of a study, computed tile by tile where searches look, and kept."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
import torch

from lib.network.config import STRIDES
from lib.network.inputs import HuSource, windowed
from lib.network.lattice import BLOCK_VOXELS
from lib.network.tile_layout import TileLayout, Triple, blocks_of
from lib.studies.grid import Grid

Psi = Callable[[torch.Tensor], list[torch.Tensor]]
"""Takes a windowed crop (1, windows, z, y, x) to psi1, psi2, psi3: `Tracker.features`."""

_CELLS = [BLOCK_VOXELS // np.array(stride) for stride in STRIDES]
"""Cells (x, y, z) of a block at each scale."""

_Key = tuple[str, Triple]


class FeatureTiles:
    """The tiles of psi of several studies under one network, least recently used out first; safe between threads.

    Two threads that want the same tile compute it once. A tile is written nowhere but here: give every network its own.

    Args:
        psi: the network's image encoder.
        layout: sizes of tile and halo.
        max_bytes: of all tiles together; a search that alone needs more still gets its answer.
    """

    def __init__(self, psi: Psi, layout: TileLayout, max_bytes: int) -> None:
        self.layout = layout
        self.max_bytes = max_bytes
        self._psi = psi
        self._tiles: OrderedDict[_Key, Future[list[torch.Tensor]]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Bytes of the tiles that are kept."""
        with self._lock:
            return sum(_bytes_of(tile) for tile in self._tiles.values())

    def assemble(self, study: str, source: HuSource, search_grid: Grid) -> list[torch.Tensor]:
        """Return psi1, psi2, psi3 of a search crop, each (1, features, cells z, y, x), put together from tiles.

        Args:
            study: names the voxels of `source`; other voxels need another name.
            source: gives HU on any crop; asked only for tiles that are not kept.
            search_grid: on the study's lattice.

        Raises:
            ValueError: if the crop does not lie on the lattice.
        """
        first, size = blocks_of(search_grid)
        whole: list[torch.Tensor] = []
        for tile in self.layout.tiles_of(search_grid):
            part = self._tile(study, source, tile)
            if not whole:
                whole = [_empty(features, size, cells) for features, cells in zip(part, _CELLS, strict=True)]
            start = np.array(tile) * self.layout.tile_blocks
            low = np.maximum(first, start)
            high = np.minimum(np.array(first) + size, start + self.layout.tile_blocks)
            for features, into, cells in zip(part, whole, _CELLS, strict=True):
                into[_region(low - first, high - first, cells)] = features[_region(low - start, high - start, cells)]
        return whole

    def forget(self, study: str) -> None:
        """Drop the tiles of a study."""
        with self._lock:
            for key in [key for key in self._tiles if key[0] == study]:
                del self._tiles[key]

    def _tile(self, study: str, source: HuSource, tile: Triple) -> list[torch.Tensor]:
        """Return a tile without its halo: kept, under way in another thread, or computed now."""
        key = (study, tile)
        with self._lock:
            kept = self._tiles.get(key)
            if kept is not None:
                self._tiles.move_to_end(key)
            else:
                mine = self._tiles[key] = Future()
        if kept is not None:
            return kept.result()
        try:
            mine.set_result(self._compute(source, tile))
        except BaseException as error:
            mine.set_exception(error)
            with self._lock:
                self._tiles.pop(key, None)
            raise
        self._trim()
        return mine.result()

    def _compute(self, source: HuSource, tile: Triple) -> list[torch.Tensor]:
        halo = np.array(self.layout.halo_voxels) // BLOCK_VOXELS
        features = self._psi(windowed(source(self.layout.computed_grid(tile))))
        inside = [_region(halo, halo + self.layout.tile_blocks, cells) for cells in _CELLS]
        return [whole[region].clone() for whole, region in zip(features, inside, strict=True)]

    def _trim(self) -> None:
        """Drop the tiles that were not used for longest until the rest fits."""
        with self._lock:
            total = sum(_bytes_of(tile) for tile in self._tiles.values())
            for key in [key for key, tile in self._tiles.items() if tile.done()]:
                if total <= self.max_bytes:
                    break
                total -= _bytes_of(self._tiles.pop(key))


def _bytes_of(tile: Future[list[torch.Tensor]]) -> int:
    if not tile.done() or tile.exception() is not None:
        return 0
    return sum(features.numel() * features.element_size() for features in tile.result())


def _empty(features: torch.Tensor, size: Triple, cells: np.ndarray) -> torch.Tensor:
    x, y, z = (int(n) for n in np.array(size) * cells)
    return torch.empty(1, features.shape[1], z, y, x, dtype=features.dtype, device=features.device)


def _region(low: np.ndarray, high: np.ndarray, cells: np.ndarray) -> tuple[slice, ...]:
    """Return the cells of the blocks from `low` up to `high` (x, y, z) as slices of (batch, channel, z, y, x)."""
    x, y, z = (slice(int(a), int(b)) for a, b in zip(low * cells, high * cells, strict=True))
    return slice(None), slice(None), z, y, x
