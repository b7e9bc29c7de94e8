"""Stored statistics: measured once, then the same for every crop and batch."""

import pytest
import torch
from torch import nn

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.network.normalization import FrozenNorm, set_calibrating

SMALL = NetworkConfig(blocks=(2, 1, 1), growth=4, stem=4, bottleneck=2, features=4)


def test_after_calibrating_the_seen_data_have_mean_0_and_variance_1() -> None:
    norm = FrozenNorm(3)
    batches = [torch.randn(2, 3, 4, 5, 6) * torch.tensor([0.5, 2.0, 30.0]).view(1, 3, 1, 1, 1) + n for n in range(4)]
    set_calibrating(norm, True)
    for batch in batches:
        norm(batch)
    set_calibrating(norm, False)
    before = norm.mean.clone(), norm.variance.clone()
    normalised = norm(torch.cat(batches)).transpose(0, 1).flatten(1)
    assert torch.allclose(normalised.mean(1), torch.zeros(3), atol=1e-4)
    assert torch.allclose(normalised.var(1, unbiased=False), torch.ones(3), atol=1e-3)
    norm(torch.randn(1, 3, 2, 2, 2) + 50)
    assert torch.equal(norm.mean, before[0])
    assert torch.equal(norm.variance, before[1])


def test_calibrating_again_starts_from_nothing() -> None:
    norm = FrozenNorm(1)
    for offset in (100.0, -7.0):
        set_calibrating(norm, True)
        norm(torch.full((1, 1, 2, 2, 2), offset))
        set_calibrating(norm, False)
    assert float(norm.mean) == pytest.approx(-7.0)


def test_every_norm_of_a_network_is_calibrated() -> None:
    torch.manual_seed(0)
    network, image = DenseFPN(SMALL), torch.randn(1, 3, 8, 32, 32)
    norms = [module for module in network.modules() if isinstance(module, FrozenNorm)]
    seen: dict[FrozenNorm, torch.Tensor] = {}
    set_calibrating(network, True)
    network(image)
    set_calibrating(network, False)
    for norm in norms:
        norm.register_forward_hook(lambda module, _inputs, output: seen.update({module: output.detach().clone()}))
    network(image)
    assert len(seen) == len(norms) == 1 + 2 * 4 + 3 + 2
    for output in seen.values():
        values = output.transpose(0, 1).flatten(1)
        assert torch.allclose(values.mean(1), torch.zeros(len(values)), atol=1e-3)
        assert float((values.var(1, unbiased=False) - 1).abs().max()) < 0.05  # epsilon counts where variance is small


def test_nothing_depends_on_the_batch_or_on_training_mode() -> None:
    torch.manual_seed(0)
    network = DenseFPN(SMALL)
    first, second = torch.randn(1, 3, 8, 32, 32), 5 * torch.randn(1, 3, 8, 32, 32) + 3
    with torch.no_grad():
        together = network.train()(torch.cat((first, second)))
        alone = network.eval()(first)
    for one, other in zip(together, alone, strict=True):
        assert torch.allclose(one[:1], other, rtol=1e-4, atol=1e-5)


def test_a_norm_does_not_depend_on_the_crop_and_equals_batch_norm() -> None:
    norm, wanted = FrozenNorm(4), nn.BatchNorm3d(4).eval()
    for own, name in ((norm.mean, "running_mean"), (norm.variance, "running_var")):
        own.uniform_(0.5, 2.0)
        getattr(wanted, name).copy_(own)
    with torch.no_grad():
        for own, other in ((norm.weight, wanted.weight), (norm.bias, wanted.bias)):
            other.copy_(own.normal_())
    image = torch.randn(2, 4, 6, 8, 8)
    assert torch.allclose(norm(image), wanted(image), atol=1e-5)
    assert torch.equal(norm(image)[:, :, 2:4, 1:5, 3:], norm(image[:, :, 2:4, 1:5, 3:]))


def test_statistics_are_stored_and_not_learned() -> None:
    norm = FrozenNorm(2)
    assert set(norm.state_dict()) == {"weight", "bias", "mean", "variance"}
    assert {name for name, _ in norm.named_parameters()} == {"weight", "bias"}
