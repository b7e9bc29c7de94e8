"""Every variant of the paper's Tables 3 and 6 builds, learns and differs where it should."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.inputs import NetworkInput, network_input
from lesion_tracker.network.lattice import crop_grid, search_grid
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.volumes.grid import Grid

FINAL = NetworkConfig(blocks=(1, 1, 1), growth=4, stem=4, bottleneck=2)
"""The paper's model j with a small DenseNet: K_g (7, 11, 11), learned flattening, 64 features, n = 4, multiplied."""

VARIANTS = {
    "a": replace(FINAL, global_kernel=None),
    "b": replace(FINAL, global_kernel=(7, 7, 7)),
    "c": replace(FINAL, global_kernel=(7, 15, 15)),
    "d": replace(FINAL, heat_map_n=2.0),
    "e": replace(FINAL, heat_map_n=8.0),
    "f": replace(FINAL, features=32),
    "g": replace(FINAL, features=128),
    "h": replace(FINAL, anatomy=False),
    "i": replace(FINAL, flattening="middle"),
    "final": FINAL,
    "concatenate": replace(FINAL, fusion="concatenate"),
}

LESION = np.array([4.0, 7.0, -3.0])


def waves(grid: Grid) -> torch.Tensor:
    axes = [torch.from_numpy(grid.origin_mm[n] + np.arange(grid.size[n]) * grid.spacing_mm[n]) for n in range(3)]
    x, y, z = axes
    field = torch.sin(z / 4)[:, None, None] + torch.cos(y / 6)[None, :, None] * torch.sin(x / 5)[None, None]
    return (150 * field).float()


def small_input(config: NetworkConfig, expected: np.ndarray = LESION) -> NetworkInput:
    """Return a template of 64 x 64 x 16 voxels and a search of 80 x 64 x 12."""
    template = crop_grid(LESION - np.array([33.5, 33.5, 8.5]) * np.array([0.8, 0.8, 2.0]), (64, 64, 16))
    search = search_grid(LESION, (80, 64, 12))
    return network_input(waves, template, [(LESION, 5.0)], waves, search, [(expected, 5.0)], config.heat_map_n)


def network(config: NetworkConfig) -> TrackerNet:
    torch.manual_seed(11)
    return TrackerNet(config)


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_builds_answers_and_learns(name: str) -> None:
    config = VARIANTS[name]
    net, inputs = network(config), small_input(config)
    logits = net(inputs)
    assert logits.shape == (1, 6, 16, 20)
    assert logits.dtype == torch.float32
    assert bool(torch.isfinite(logits).all())
    logits.square().mean().backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert bool(torch.isfinite(parameter.grad).all()), key
    assert float(net.psi.conv0.weight.grad.abs().max()) > 0
    assert NetworkConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("a", [(3, 3, 3)]),
        ("b", [(3, 3, 3), (1, 7, 7), (7, 1, 7), (7, 7, 1)]),
        ("c", [(3, 3, 3), (1, 15, 15), (7, 1, 15), (7, 15, 1)]),
        ("i", [(3, 3, 3), (1, 11, 11), (7, 1, 11), (7, 11, 1)]),
        ("final", [(3, 3, 3), (1, 11, 11), (7, 1, 11), (7, 11, 1)]),
    ],
)
def test_the_kernels_have_the_sizes_of_the_table(name: str, sizes: list[tuple[int, int, int]]) -> None:
    inputs = small_input(FINAL)
    with torch.no_grad():
        kernels = network(VARIANTS[name]).template_kernels(inputs.template_image, inputs.template_signal, inputs.cells)
    assert len(kernels) == 3
    for scale in kernels:
        assert [tuple(part.shape) for part in scale.parts] == [(1, 64, *size) for size in sizes]


def test_only_learned_flattening_has_parameters_for_it() -> None:
    counts = {name: sum(p.numel() for p in network(VARIANTS[name]).kernel_makers.parameters()) for name in VARIANTS}
    assert counts["a"] == counts["i"] == 0
    assert counts["final"] == 3 * 64 * 64 * (7 + 11 + 11)
    assert counts["c"] == 3 * 64 * 64 * (7 + 15 + 15)
    assert counts["f"] == 3 * 32 * 32 * (7 + 11 + 11)
    assert counts["concatenate"] == 3 * 128 * 128 * (7 + 11 + 11)


def test_middle_slices_are_cut_out_of_k_g() -> None:
    net, inputs = network(VARIANTS["i"]), small_input(FINAL)
    features = torch.randn(1, 64, 8, 16, 16)
    parts = net.kernel_makers[0](features, (4, 8, 8)).parts
    assert torch.equal(parts[1][0, :, 0], features[0, :, 4, 3:14, 3:14])
    assert torch.equal(parts[2][0, :, :, 0], features[0, :, 1:8, 8, 3:14])
    assert torch.equal(parts[3][0, :, :, :, 0], features[0, :, 1:8, 3:14, 8])
    assert inputs.cells == ((4, 8, 8),)


def test_n_is_the_width_of_both_anatomy_signals() -> None:
    narrow, wide = small_input(VARIANTS["d"]), small_input(VARIANTS["e"])
    for name in ("template_signal", "search_signal"):
        # exp(-d²/(2 (2r)²)) = exp(-d²/(2 (8r)²)) ** 16
        assert torch.allclose(getattr(narrow, name), getattr(wide, name) ** 16, rtol=1e-4, atol=1e-30)


@pytest.mark.parametrize("name", ["final", "concatenate", "h"])
def test_only_the_anatomy_encoder_looks_at_the_expected_point(name: str) -> None:
    net = network(VARIANTS[name]).eval()
    with torch.no_grad():
        here = net(small_input(FINAL))
        there = net(small_input(FINAL, LESION + np.array([20.0, 0, 0])))
    assert torch.equal(here, there) == (name == "h")
    assert (net.phi is None) == (name == "h")
    assert net.weight.shape == ((128,) if name == "concatenate" else (64,))


def test_lesions_of_one_template_answer_as_each_alone() -> None:
    net, template, search = network(FINAL).eval(), search_grid(LESION, (64, 64, 16)), search_grid(LESION, (64, 64, 8))
    balls = [(LESION, 5.0), (LESION + np.array([6.0, -9.0, 4.0]), 12.0)]
    moved = [(center + 3.0, radius) for center, radius in balls]
    with torch.no_grad():
        together = net(network_input(waves, template, balls, waves, search, moved, 4.0))
        for number in range(2):
            one = slice(number, number + 1)
            alone = net(network_input(waves, template, balls[one], waves, search, moved[one], 4.0))
            assert torch.allclose(together[one], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"global_kernel": (7, 10, 11)}, "odd sizes"),
        ({"global_kernel": (1, 11, 11)}, "odd sizes"),
        ({"features": 0}, "must be positive"),
        ({"heat_map_n": 0.0}, "must be positive"),
        ({"blocks": (1, 0, 1)}, "must be positive"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(FINAL, **changes)


def test_an_unknown_variant_in_a_card_is_refused() -> None:
    for changes in ({"flattening": "none"}, {"fusion": "add"}, {"depth": 3}, {"growth": 1.5}):
        with pytest.raises(ValueError, match=r"unknown variant|not a network configuration|must be positive"):
            NetworkConfig.from_json({**FINAL.to_json(), **changes})
