"""Inflated from 2D, the 3D network says of an image that is constant along z what the 2D one says of its slice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from monai.networks.nets import DenseNet121
from torch import nn
from torch.nn import functional as F

from lesion_tracker.errors import WeightsError
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.network.inflation import inflate_densenet, inflate_kernel
from lesion_tracker.network.normalization import norm_relu

SLICES = 4
TINY = NetworkConfig(blocks=(1, 1, 1), growth=4, stem=4, bottleneck=2, features=4)


class ReplicateZ(nn.Module):
    """A convolution that sees the outermost slices repeated beyond the ends, instead of zeros."""

    def __init__(self, conv: nn.Conv3d) -> None:
        super().__init__()
        self.depth = conv.kernel_size[0] // 2
        self.conv = conv
        conv.padding = (0, *conv.padding[1:])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(F.pad(x, (0, 0, 0, 0, self.depth, self.depth), mode="replicate"))


def replicate_along_z(network: nn.Module) -> None:
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv3d) and child.kernel_size[0] > 1 and not isinstance(module, ReplicateZ):
                setattr(module, name, ReplicateZ(child))


@pytest.fixture(scope="module")
def flat() -> nn.Module:
    """The 2D DenseNet-121 of monai, with random weights and random statistics."""
    torch.manual_seed(3)
    network = DenseNet121(spatial_dims=2, in_channels=3, out_channels=2).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.6, 1.5)
    return network


def torchvision_names(network: nn.Module) -> dict[str, torch.Tensor]:
    return {key.replace(".layers.", "."): value for key, value in network.state_dict().items()}


@pytest.fixture(scope="module")
def file(flat: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("imagenet") / "densenet121.pth"
    torch.save(torchvision_names(flat), path)
    return path


@pytest.fixture(scope="module")
def deep(file: Path) -> DenseFPN:
    network = DenseFPN(NetworkConfig()).eval()
    inflate_densenet(file, network)
    replicate_along_z(network)
    return network


def stages_2d(features: nn.Module, image: torch.Tensor) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Yield name, input and output of the stem, and of each block and transition up to block 3."""
    stem = features.pool0(features.relu0(features.norm0(features.conv0(image))))
    yield "stem", image, stem
    for number in (1, 2, 3):
        x = stem if number == 1 else getattr(features, f"transition{number - 1}")(y)
        if number > 1:
            yield f"transition{number - 1}", y, x
        y = getattr(features, f"denseblock{number}")(x)
        yield f"block{number}", x, y


def stage_3d(network: DenseFPN, name: str, x: torch.Tensor) -> torch.Tensor:
    if name == "stem":
        return F.max_pool3d(norm_relu(network.norm0, network.conv0(x)), (1, 3, 3), (1, 2, 2), (0, 1, 1))
    number = int(name[-1]) - 1
    return (network.blocks if name.startswith("block") else network.transitions)[number](x)


def test_block_by_block_as_in_two_dimensions(flat: nn.Module, deep: DenseFPN) -> None:
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    seen = []
    with torch.no_grad():
        for name, x, y in stages_2d(flat.features, image):
            slices = 2 * SLICES if name == "stem" else SLICES  # the stem halves z
            got = stage_3d(deep, name, x[:, :, None].repeat(1, 1, slices, 1, 1))
            assert got.shape == (*y.shape[:2], SLICES, *y.shape[2:])
            worst = float((got - y[:, :, None]).abs().max() / y.abs().max())
            assert worst < 1e-5, f"{name}: {worst}"  # float32 sums of up to 1,000 products
            seen.append(name)
    assert seen == ["stem", "block1", "transition1", "block2", "transition2", "block3"]


def test_the_norm_before_a_lateral_is_that_of_the_transition_after_the_block(flat: nn.Module, deep: DenseFPN) -> None:
    for number in (1, 2, 3):
        wanted = getattr(flat.features, f"transition{number}").norm
        got = deep.norms[number - 1]
        assert torch.equal(got.mean, wanted.running_mean)
        assert torch.equal(got.variance, wanted.running_var)
        assert torch.equal(got.weight, wanted.weight)
        assert got.epsilon == wanted.eps


def test_a_kernel_is_repeated_and_divided_by_its_depth() -> None:
    kernel = torch.arange(8.0).view(2, 1, 2, 2)
    inflated = inflate_kernel(kernel, 5)
    assert inflated.shape == (2, 1, 5, 2, 2)
    assert torch.allclose(inflated[:, :, 3], kernel / 5)
    assert torch.allclose(inflated.sum(2), kernel)


def test_the_names_of_torchvisions_first_files_are_read(flat: nn.Module, tmp_path: Path) -> None:
    names = torchvision_names(flat)
    old = {key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value for key, value in names.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "old.pth")
    network = DenseFPN(NetworkConfig())
    inflate_densenet(tmp_path / "old.pth", network)
    assert torch.equal(network.blocks[0][0].norm1.weight, names["features.denseblock1.denselayer1.norm1.weight"])


def test_what_does_not_fit_is_refused_and_changes_nothing(file: Path, tmp_path: Path) -> None:
    network = DenseFPN(TINY)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(
        WeightsError, match=r"'features.conv0.weight' of .* has shape \(64, 3, 7, 7\); .*\(4, 3, 7, 7, 7\)"
    ):
        inflate_densenet(file, network)
    with pytest.raises(WeightsError, match=r"lacks 'features\.denseblock1\.denselayer7"):
        inflate_densenet(file, DenseFPN(NetworkConfig(blocks=(7, 1, 1))))
    with pytest.raises(WeightsError, match="no ImageNet weights at"):
        inflate_densenet(tmp_path / "none.pth", network)
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(WeightsError, match="is no file of weights"):
        inflate_densenet(tmp_path / "text.pth", network)
    torch.save({"epoch": 3}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="no state dict"):
        inflate_densenet(tmp_path / "other.pth", network)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_an_empty_or_hostile_file_is_refused(tmp_path: Path) -> None:
    import pickle

    (tmp_path / "empty.pth").touch()
    (tmp_path / "code.pth").write_bytes(pickle.dumps({"x": pytest.raises}, protocol=2))
    for name in ("empty.pth", "code.pth"):
        with pytest.raises(WeightsError, match="is no file of weights"):
            inflate_densenet(tmp_path / name, DenseFPN(TINY))
