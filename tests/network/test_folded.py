"""The folded psi answers as its definition does, whatever the normalisations are."""

import pytest
import torch

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.network.folded import FoldedFPN
from lesion_tracker.network.normalization import FrozenNorm
from lesion_tracker.network.tracker import tracker_from_net
from lesion_tracker.network.tracker_net import TrackerNet

SMALL = NetworkConfig(blocks=(2, 1, 2), growth=4, stem=6, bottleneck=2, features=8)


def uneven(psi: DenseFPN) -> DenseFPN:
    """Give every normalisation statistics of its own; one channel is turned over, one is constant, one nearly so."""
    for norm in (one for one in psi.modules() if isinstance(one, FrozenNorm)):
        with torch.no_grad():
            norm.weight.uniform_(0.5, 2.0)
            norm.bias.uniform_(-0.5, 0.5)
            norm.mean.normal_()
            norm.variance.uniform_(0.2, 3.0)
            norm.weight[:3] = torch.tensor([-1.5, 0.0, 1e-14])
    return psi


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.1)])
def test_it_gives_what_the_definition_gives(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(3)
    psi = uneven(DenseFPN(SMALL)).eval()
    image = torch.randn(2, 3, 4, 32, 48).clamp(-1, 1).contiguous(memory_format=torch.channels_last_3d)
    with torch.inference_mode():
        for found, wanted in zip(FoldedFPN(psi, dtype)(image), psi(image), strict=True):
            assert found.shape == wanted.shape
            torch.testing.assert_close(found.float(), wanted, atol=tolerance, rtol=tolerance)


def test_a_tracker_answers_by_it_and_the_network_stays_as_it_is() -> None:
    net = TrackerNet(SMALL)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    tracker = tracker_from_net(net, device="cpu")
    assert isinstance(tracker.psi, FoldedFPN)
    assert tracker.net is net
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name
