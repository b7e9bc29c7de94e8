"""A backbone is added by its name: built, saved with its card, loaded; cards of before it had a name keep loading."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.errors import WeightsError
from lesion_tracker.network.backbones import BACKBONES
from lesion_tracker.network.config import STRIDES, WINDOWS_HU, NetworkConfig
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import CARD_FILE, load_tracker, save_tracker

SMALL = NetworkConfig(blocks=(1, 1, 1), growth=8, stem=8, bottleneck=2, features=8, global_kernel=(3, 5, 5))


class Plain(nn.Module):
    """Means over the cells of each scale, mixed by one convolution."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.mix = nn.ModuleList([nn.Conv3d(len(WINDOWS_HU), config.features, 1) for _ in STRIDES])

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return psi1, psi2, psi3."""
        return [mix(F.avg_pool3d(image, (z, y, x))) for mix, (x, y, z) in zip(self.mix, STRIDES, strict=True)]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> NetworkConfig:
    """Put another backbone into the table; return a configuration that names it."""
    monkeypatch.setitem(BACKBONES, "plain", Plain)
    return NetworkConfig(**{**SMALL.to_json(), "backbone": "plain"})


@pytest.mark.parametrize("name", BACKBONES)
def test_each_backbone_describes_every_cell_at_three_scales(name: str) -> None:
    psi = BACKBONES[name](SMALL)
    features = psi(torch.randn(1, len(WINDOWS_HU), 8, 32, 48))
    assert [tuple(part.shape) for part in features] == [(1, 8, 4, 8, 12), (1, 8, 4, 4, 6), (1, 8, 4, 2, 3)]


def test_another_backbone_is_saved_loaded_and_answers(plain: NetworkConfig, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = TrackerNet(plain)
    assert isinstance(net.psi, Plain)
    card = save_tracker(net, tmp_path, {"name": "plain"})
    assert card["config"]["backbone"] == "plain"
    loaded = load_tracker(tmp_path, "cpu")
    assert loaded.config == plain
    assert isinstance(loaded.net.psi, Plain)
    image = torch.randn(1, len(WINDOWS_HU), 8, 32, 32)
    stored = {key: value.half().float() for key, value in net.psi.state_dict().items() if value.ndim > 1}
    assert all(torch.equal(loaded.net.psi.state_dict()[key], value) for key, value in stored.items())
    signal = torch.ones(1, 1, 4, 8, 8)
    kernels = loaded.kernels(image, signal, ((2, 4, 4),))
    assert loaded.logits(kernels, loaded.features(image), signal).shape == (1, 4, 8, 8)


def test_a_card_without_a_backbone_is_of_the_dense_pyramid(tmp_path: Path) -> None:
    save_tracker(TrackerNet(SMALL), tmp_path, {"name": "before backbones had names"})
    card = json.loads((tmp_path / CARD_FILE).read_text())
    assert card["config"].pop("backbone") == "dense_fpn"
    (tmp_path / CARD_FILE).write_text(json.dumps(card))
    loaded = load_tracker(tmp_path, "cpu")
    assert loaded.config == SMALL
    assert isinstance(loaded.net.psi, DenseFPN)


def test_an_unknown_backbone_is_refused_with_those_that_there_are(plain: NetworkConfig, tmp_path: Path) -> None:
    save_tracker(TrackerNet(plain), tmp_path, {"name": "plain"})
    BACKBONES.pop("plain")
    with pytest.raises(ValueError, match=r"backbone 'plain' is not known: it is one of \['dense_fpn'\]"):
        TrackerNet(plain)
    with pytest.raises(WeightsError, match="this version cannot build: backbone 'plain' is not known"):
        load_tracker(tmp_path, "cpu")
