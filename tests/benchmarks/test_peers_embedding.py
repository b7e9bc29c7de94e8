"""The embedding of places: read where it should be, waves of the position, and the contrast of same and other by hand."""

import math

import numpy as np
import pytest
import torch

from benchmarks.peers.detector_weights import load_net, save_net
from benchmarks.peers.embedding import WAVES_MM, EmbeddingNet, _at
from benchmarks.peers.embedding_examples import OTHERS, contrast_loss, draw_matching, matching_loss, too_near
from lesion_tracker.errors import WeightsError
from lesion_tracker.network.config import STRIDES, NetworkConfig
from lesion_tracker.network.lattice import crop_grid
from tests.training.made import NO_ERRORS, made_study

TINY = NetworkConfig(blocks=(1, 1, 1), growth=4, stem=4, bottleneck=2, features=4, global_kernel=None, anatomy=False)


@pytest.fixture
def net() -> EmbeddingNet:
    torch.manual_seed(0)
    return EmbeddingNet(position=True, trunk=TINY).eval()


@pytest.mark.parametrize("stride", STRIDES)
def test_features_are_read_between_cells(stride):
    grid = crop_grid(np.array([5.0, -3.0, 40.0]), (64, 48, 12))
    cells = np.array(grid.size) // stride
    k, j, i = np.meshgrid(*(np.arange(n) for n in cells[::-1]), indexing="ij")
    features = torch.from_numpy(np.stack([i, j, k])).float()[None]  # each cell holds its own index
    wanted = np.array([[1.25, 1.5, 2.0], [0.0, 0.0, 0.0]])
    points = grid.lps_from_indices(wanted * stride + (np.array(stride) - 1) / 2)
    assert _at(features, grid, points, stride).numpy() == pytest.approx(wanted, abs=1e-4)


def test_all_vectors_have_one_length_so_the_nearest_has_the_largest_product(net):
    grid = crop_grid(np.zeros(3), (32, 32, 8))
    points = np.array([[4.0, 5.0, 6.0], [12.0, 9.0, 8.0], [20.0, 20.0, 4.0]])
    with torch.no_grad():
        found = net.embed(net.psi(torch.randn(1, 3, 8, 32, 32)), grid, points, points - 100.0)
    square = math.exp(2.3) + 3 * len(WAVES_MM) * math.exp(-1.0)
    assert found.square().sum(1).numpy() == pytest.approx([square] * 3, rel=1e-4)


def test_two_positions_agree_by_the_waves_of_their_distance_wherever_they_are(net):
    here, there = np.array([[10.0, 20.0, -30.0]]), np.array([[22.0, 20.0, -30.0]])
    amplitudes = np.array([1.0, 2.0, 3.0, 4.0, *(1.0,) * 8])
    with torch.no_grad():
        net.log_amplitudes.copy_(torch.from_numpy(np.log(amplitudes)))
        product = float((net._waves(here) * net._waves(there)).sum())
        moved = float((net._waves(here + 77.0) * net._waves(there + 77.0)).sum())
    along_x = sum(a * math.cos(2 * math.pi * 12 / wave) for a, wave in zip(amplitudes[:4], WAVES_MM, strict=True))
    assert product == pytest.approx(along_x + 8.0, rel=1e-4)
    assert moved == pytest.approx(product, rel=1e-3)


def test_the_contrast_by_hand():
    lesions = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    places = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    left_out = torch.tensor([[False, False, True], [False, False, False]])
    first = -2 + math.log(math.exp(2) + math.exp(0))  # products 2, 0; the third is not judged
    second = -2 + math.log(math.exp(0) + math.exp(2) + math.exp(2))  # products 0, 2, 2
    assert float(contrast_loss(lesions, places, left_out)) == pytest.approx((first + second) / 2, rel=1e-5)


def test_places_near_a_lesion_are_neither_it_nor_another():
    places = np.array([[0.0, 0, 0], [5.0, 0, 0], [0.0, 7.9, 0], [0.0, 0, 8.1]])
    assert too_near(places, 2).tolist() == [[False, True, True, False], [True, False, False, False]]


def test_examples_are_numbered_and_the_first_places_are_the_lesions():
    study = made_study()
    shown = draw_matching([study], NO_ERRORS, np.random.default_rng(2))
    again = draw_matching([study], NO_ERRORS, np.random.default_rng(2))
    assert torch.equal(shown.search, again.search)
    assert len(shown.places_mm) == len(shown.lesions_mm) + OTHERS
    middle = np.mean(study.volume.grid.bounds_mm(), axis=0)
    assert shown.places_mm - shown.offsets_mm == pytest.approx(np.tile(middle, (len(shown.places_mm), 1)))
    assert shown.search_grid.contains(shown.places_mm, 5.0).all()


def test_it_learns_to_tell_places_apart(net):
    shown = draw_matching([made_study()], NO_ERRORS, np.random.default_rng(2))
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    before = float(matching_loss(net, shown).detach())
    for _ in range(10):
        optimiser.zero_grad()
        matching_loss(net, shown).backward()
        optimiser.step()
    assert float(matching_loss(net, shown).detach()) < 0.8 * before


def test_torn_weights_are_refused_and_whole_ones_answer_the_same(net, tmp_path):
    save_net(net, tmp_path, {"name": "tiny"})
    loaded, _ = load_net(tmp_path, EmbeddingNet)
    assert loaded.position
    image = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        assert loaded.psi(image)[0].numpy() == pytest.approx(net.psi(image)[0].numpy(), abs=0.02)  # float16
    path = tmp_path / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(WeightsError, match="torn"):
        load_net(tmp_path, EmbeddingNet)
