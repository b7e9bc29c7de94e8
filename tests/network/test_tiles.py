"""Tiles of psi equal the undivided image, are computed once and only where searches look, and stay within bounds."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
import torch

from lib.network.config import NetworkConfig
from lib.network.dense_fpn import DenseFPN
from lib.network.inputs import windowed
from lib.network.lattice import crop_grid, search_grid
from lib.network.receptive_field import receptive_field_voxels
from lib.network.tile_layout import (
    TileLayout,
    blocks_of,
    cost_of_crops,
    cost_of_tiles,
    halo_of,
    tiles_are_cheaper,
)
from lib.network.tiles import FeatureTiles
from lib.studies.grid import Grid

SHALLOW = NetworkConfig(blocks=(1, 1, 1), growth=4, stem=4, bottleneck=2, features=4)
REACH = receptive_field_voxels(SHALLOW)


def tiny_psi(config: NetworkConfig = SHALLOW) -> DenseFPN:
    torch.manual_seed(5)
    return DenseFPN(config).eval()


class Source:
    """HU that differ from voxel to voxel, and a count of what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, ...]] = []

    def __call__(self, grid: Grid) -> torch.Tensor:
        self.asked.append(tuple(grid.origin_mm))
        nx, ny, nz = grid.size
        x, y, z = (
            torch.from_numpy(grid.origin_mm[axis] + np.arange(n) * grid.spacing_mm[axis])
            for axis, n in enumerate((nx, ny, nz))
        )
        waves = torch.sin(z / 3)[:, None, None] * torch.cos(y / 2.3)[None, :, None] + torch.sin(x / 1.7)[None, None]
        return (200 * waves).float()


def psi_without_grad(image: torch.Tensor, network: DenseFPN) -> list[torch.Tensor]:
    with torch.inference_mode():
        return network(image)


def tiles_with(layout: TileLayout, max_bytes: int = 10**9) -> FeatureTiles:
    network = tiny_psi()
    return FeatureTiles(lambda image: psi_without_grad(image, network), layout, max_bytes)


def reached_voxels(psi: torch.Tensor, axis: int, length: int) -> torch.Tensor:
    """Say for each voxel along an axis whether its cell holds a NaN."""
    along = psi.isnan().movedim(4 - axis, 0).flatten(1).any(1)
    return along.repeat_interleave(length // len(along))


@pytest.mark.parametrize("blocks", [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_receptive_field_is_what_a_nan_reaches(blocks: tuple[int, int, int], axis: int) -> None:
    """NaN spreads to every cell that reads it, and nowhere else."""
    config = NetworkConfig(blocks=blocks, growth=1, stem=1, bottleneck=1, features=1)
    network = tiny_psi(config)
    block, length = (16, 16, 2)[axis], (240, 240, 40)[axis]
    size = [16, 16, 2]
    size[axis] = length
    farthest = 0
    for voxel in range(length // 2, length // 2 + block):
        image = torch.zeros(1, 3, size[2], size[1], size[0])
        image.select(4 - axis, voxel).fill_(float("nan"))
        with torch.no_grad():
            found = torch.stack([reached_voxels(psi, axis, length) for psi in network(image)])
        reached = found.any(0).view(-1, block).any(1).nonzero()[:, 0] * block  # first voxel of each block that read it
        farthest = max(farthest, int((reached - voxel).max()), int((voxel - reached - block + 1).max()))
    assert farthest == receptive_field_voxels(config)[axis]


def test_the_receptive_field_of_densenet_121_is_larger_than_a_body() -> None:
    # 5 voxels of stem and pooling, then 6 layers of 4, 12 of 8 and 24 of 16 voxels; along z 3 and 42 layers of 2
    assert receptive_field_voxels(NetworkConfig()) == (509, 509, 87)
    assert receptive_field_voxels(NetworkConfig(blocks=(4, 8, 12))) == (277, 277, 51)


def test_tiles_equal_the_undivided_image() -> None:
    """Float32; only on cells whose receptive field lies inside the undivided crop."""
    network, source = tiny_psi(), Source()
    outer = crop_grid(np.array([-96, -80, -24]) * np.array([0.8, 0.8, 2.0]), (192, 192, 44))
    search = crop_grid(np.array([-48, -32, -12]) * np.array([0.8, 0.8, 2.0]), (80, 64, 20))
    layout = TileLayout((64, 32, 8), halo_of(REACH))
    assert layout.halo_voxels == (48, 48, 10)
    tiles = FeatureTiles(lambda image: psi_without_grad(image, network), layout, 10**9)
    got = tiles.assemble("study", source, search)
    with torch.inference_mode():
        direct = network(windowed(source(outer)))
        wrong = network(windowed(source(search)))
    for scale, stride in enumerate((4, 8, 16)):
        z, y, x = got[scale].shape[2:]
        assert (z, y, x) == (10, 64 // stride, 80 // stride)
        wanted = direct[scale][:, :, 6 : 6 + z, 48 // stride :, 48 // stride :][..., :y, :x]
        assert float((got[scale] - wanted).abs().max() / wanted.abs().max()) < 1e-4
        assert float((wrong[scale] - wanted).abs().max() / wanted.abs().max()) > 1e-2  # a crop without a halo does not


def test_only_tiles_that_a_search_touches_are_computed_and_only_once() -> None:
    source = Source()
    tiles = tiles_with(TileLayout((32, 32, 4), (0, 0, 0)))
    one = crop_grid(np.zeros(3), (32, 48, 4))  # 1 x 2 x 1 tiles
    first = tiles.assemble("a", source, one)
    assert sorted(source.asked) == [(0.0, 0.0, 0.0), (0.0, 25.6, 0.0)]
    again = tiles.assemble("a", source, one)
    assert len(source.asked) == 2
    assert all(torch.equal(x, y) for x, y in zip(first, again, strict=True))
    tiles.assemble("b", source, one)  # another study
    assert len(source.asked) == 4
    tiles.forget("a")
    tiles.assemble("b", source, one)
    assert len(source.asked) == 4
    tiles.assemble("a", source, one)
    assert len(source.asked) == 6


def test_the_oldest_tiles_leave_when_the_bytes_are_full() -> None:
    source = Source()
    grids = [crop_grid(np.array([25.6 * n, 0, 0]), (32, 32, 4)) for n in range(3)]
    probe = tiles_with(TileLayout((32, 32, 4), (0, 0, 0)))
    probe.assemble("a", source, grids[0])
    one_tile = probe.bytes
    assert one_tile == 4 * 4 * 2 * (64 + 16 + 4)  # 4 features of 4 bytes, 2 slices of 8x8, 4x4 and 2x2 cells
    tiles = tiles_with(TileLayout((32, 32, 4), (0, 0, 0)), max_bytes=2 * one_tile)
    source.asked.clear()
    for number in (0, 1, 0, 2, 0, 1):  # 2 drives out 1, which was not used for longest
        tiles.assemble("a", source, grids[number])
        assert tiles.bytes <= 2 * one_tile
    assert [round(asked[0] / 25.6) for asked in source.asked] == [0, 1, 2, 1]
    wide = crop_grid(np.zeros(3), (32 * 4, 32, 4))  # more than fits: still answered
    assert [psi.shape[4] for psi in tiles.assemble("a", source, wide)] == [32, 16, 8]


def assemble_in_threads(tiles: FeatureTiles, grid: Grid, gate: threading.Event) -> list[Future[list[torch.Tensor]]]:
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(tiles.assemble, "a", Source(), grid) for _ in range(4)]
        gate.set()
    return jobs


def test_threads_share_one_computation() -> None:
    gate, network, calls = threading.Event(), tiny_psi(), []

    def slow(image: torch.Tensor) -> list[torch.Tensor]:
        calls.append(1)
        assert gate.wait(60)
        return psi_without_grad(image, network)

    tiles = FeatureTiles(slow, TileLayout((32, 32, 4), (0, 0, 0)), 10**9)
    answers = [job.result() for job in assemble_in_threads(tiles, crop_grid(np.zeros(3), (32, 32, 4)), gate)]
    assert all(torch.equal(answers[0][0], answer[0]) for answer in answers)
    assert len(calls) == 1


def test_a_failure_reaches_who_waits_and_is_not_kept() -> None:
    gate, network, calls = threading.Event(), tiny_psi(), []

    def failing_once(image: torch.Tensor) -> list[torch.Tensor]:
        calls.append(1)
        assert gate.wait(60)
        if len(calls) == 1:
            raise RuntimeError("out of memory")
        return psi_without_grad(image, network)

    tiles = FeatureTiles(failing_once, TileLayout((32, 32, 4), (0, 0, 0)), 10**9)
    grid = crop_grid(np.zeros(3), (32, 32, 4))
    jobs = assemble_in_threads(tiles, grid, gate)
    errors = [job.exception() for job in jobs]
    assert any(str(error) == "out of memory" for error in errors)
    assert tiles.assemble("a", Source(), grid)[0].isfinite().all()
    assert len(calls) == 2


def test_the_cheaper_way_is_told_by_counting_voxels() -> None:
    layout = TileLayout((64, 64, 8), (16, 16, 2))
    assert layout.computed_voxels == 96 * 96 * 12
    grid = crop_grid(np.zeros(3), (64, 64, 8))  # exactly one tile
    shifted = [crop_grid(np.array([0, 0, 4.0 * n]), (64, 64, 4)) for n in range(2)]
    assert cost_of_tiles(layout, [grid]) == 96 * 96 * 12
    assert cost_of_crops([grid, grid]) == 64 * 64 * 8
    assert not tiles_are_cheaper(layout, [grid, grid])
    assert cost_of_tiles(layout, shifted) == 96 * 96 * 12
    assert not tiles_are_cheaper(layout, shifted)
    many = [crop_grid(np.array([12.8 * x, 12.8 * y, 0]), (32, 32, 8)) for x in range(3) for y in range(3)] * 2
    assert cost_of_crops(many) == 9 * 32 * 32 * 8
    assert not tiles_are_cheaper(layout, many)
    assert tiles_are_cheaper(TileLayout((64, 64, 8), (0, 0, 0)), many)


def test_crops_off_the_lattice_and_broken_blocks_are_refused() -> None:
    assert blocks_of(search_grid(np.array([-100.0, 3.0, 55.0]), (32, 48, 10))) == ((-9, -1, 11), (2, 3, 5))
    with pytest.raises(ValueError, match="does not lie on the lattice"):
        blocks_of(crop_grid(np.array([0.8, 0, 0]), (32, 32, 4)))
    with pytest.raises(ValueError, match="does not lie on the lattice"):
        blocks_of(crop_grid(np.zeros(3), (40, 32, 4)))
    with pytest.raises(ValueError, match="does not lie on the lattice"):
        blocks_of(Grid.from_parts((32, 32, 4), np.array([0.8, 0.8, 1.0]), np.zeros(3), np.eye(3)))
    for tile, halo in (((60, 64, 8), (0, 0, 0)), ((64, 64, 8), (8, 0, 0)), ((64, 64, 8), (-16, 0, 0))):
        with pytest.raises(ValueError, match="whole blocks"):
            TileLayout(tile, halo)
