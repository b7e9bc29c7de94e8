"""A model survives saving and loading, and whatever is wrong with its two files is said."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lesion_tracker.errors import WeightsError
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.inputs import NetworkInput, network_input
from lesion_tracker.network.lattice import search_grid, template_grid
from lesion_tracker.network.precision import choose_device
from lesion_tracker.network.tracker import Tracker, tracker_from_net
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import load_tracker, save_tracker
from lesion_tracker.volumes.grid import Grid

SMALL = NetworkConfig(blocks=(1, 1, 1), growth=8, stem=8, bottleneck=2, features=8, global_kernel=(3, 5, 5))
CENTER = np.array([3.0, -8.0, 15.0])


def texture(grid: Grid) -> torch.Tensor:
    """HU that differ from place to place: waves of several lengths through LPS space."""
    nx, ny, nz = grid.size
    points = grid.lps_from_indices(
        np.stack(np.meshgrid(*map(np.arange, (nx, ny, nz)), indexing="ij"), -1).reshape(-1, 3)
    )
    hu = 120 * np.sin(points[:, 0] / 5) + 90 * np.cos(points[:, 1] / 7 + 1) + 80 * np.sin(points[:, 2] / 6)
    return torch.from_numpy(hu.reshape(nx, ny, nz).transpose(2, 1, 0)).float()


@pytest.fixture(scope="module")
def inputs() -> NetworkInput:
    return network_input(
        texture,
        template_grid(CENTER),
        [(CENTER, 6.0)],
        texture,
        search_grid(CENTER, (64, 48, 12)),
        [(CENTER, 6.0)],
        4.0,
    )


@pytest.fixture
def net() -> TrackerNet:
    torch.manual_seed(7)
    return TrackerNet(SMALL).eval()


def rewrite_card(folder: Path, **changes: object) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_saved_tracker_answers_as_the_network_did(net: TrackerNet, inputs: NetworkInput, tmp_path: Path) -> None:
    card = save_tracker(net, tmp_path / "model", {"name": "small-1", "data": ["constructed"]})
    loaded = load_tracker(tmp_path / "model", "cpu")
    assert (loaded.name, loaded.config, loaded.sha256) == ("small-1", SMALL, card["sha256"])
    assert loaded.card == json.loads((tmp_path / "model" / "card.json").read_text())
    assert loaded.card["data"] == ["constructed"]
    assert not loaded.net.training
    exact = Tracker(loaded.net, SMALL, {}, "", "", loaded.device, torch.float32).score(inputs)
    with torch.no_grad():
        before = net(inputs)
    assert exact.dtype == torch.float32
    assert exact.shape == (1, 6, 12, 16)
    assert torch.allclose(exact, before, atol=2e-3)  # kernels are stored as float16
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["card.json", "weights.safetensors"]


def test_kernels_are_stored_in_half_precision_and_statistics_exactly(net: TrackerNet, tmp_path: Path) -> None:
    net.psi.norm0.variance.fill_(3e-9)  # float16 would store 0
    save_tracker(net, tmp_path, {})
    stored = load_file(tmp_path / "weights.safetensors")
    assert stored["psi.conv0.weight"].dtype == torch.float16
    assert stored["psi.norm0.variance"].dtype == torch.float32
    loaded = load_tracker(tmp_path, "cpu")
    assert torch.equal(loaded.net.psi.norm0.variance, net.psi.norm0.variance)
    assert torch.equal(loaded.net.weight, net.weight)


def test_the_short_numbers_of_this_processor_find_the_same_peak(net: TrackerNet, inputs: NetworkInput) -> None:
    from lesion_tracker.network.peaks import find_peak

    tracker = tracker_from_net(net, device="cpu")
    short = Tracker(net, SMALL, {}, "", "", torch.device("cpu"), torch.bfloat16).score(inputs)[0]
    exact = Tracker(net, SMALL, {}, "", "", torch.device("cpu"), torch.float32).score(inputs)[0]
    assert tracker.dtype in (torch.bfloat16, torch.float32)
    assert not torch.equal(short, exact)
    one, other = (find_peak(logits, inputs.search_grid).center_mm for logits in (short, exact))
    assert np.linalg.norm(one - other) < 0.5


def test_no_published_weights(net: TrackerNet, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no published weights"):
        load_tracker(tmp_path / "nowhere")
    save_tracker(net, tmp_path, {})
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"no published weights.*although there is a card"):
        load_tracker(tmp_path)


def test_torn_and_foreign_files_are_refused(net: TrackerNet, tmp_path: Path) -> None:
    save_tracker(net, tmp_path, {})
    weights = tmp_path / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(WeightsError, match=f"torn: it has {len(whole) - 100} bytes"):
        load_tracker(tmp_path)
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(WeightsError, match="torn or not the file that its card names: sha256"):
        load_tracker(tmp_path)
    card = tmp_path / "card.json"
    card.write_text(card.read_text()[:50])
    with pytest.raises(WeightsError, match=r"card\.json is torn or is no JSON"):
        load_tracker(tmp_path)
    card.write_text("[1]")
    with pytest.raises(WeightsError, match="holds a list"):
        load_tracker(tmp_path)
    card.write_text("{}")
    with pytest.raises(WeightsError, match="it lacks"):
        load_tracker(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "unet"}, "another network: architecture is 'unet'"),
        ({"schema": 2}, "another network: schema is 2"),
        ({"input": {"spacing_mm": [1, 1, 1]}}, "another network: input is"),
        ({"config": None}, "config is None"),
        ({"config": {"depth": 3}}, "cannot build: .*depth"),
        ({"config": {**SMALL.to_json(), "growth": 0}}, "cannot build: network sizes must be positive"),
        ({"config": {**SMALL.to_json(), "growth": 16}}, "do not fit their card: psi.*has shape"),
        ({"config": {**SMALL.to_json(), "blocks": [1, 2, 1]}}, "missing tensors"),
        ({"config": {**SMALL.to_json(), "anatomy": False}}, "unknown tensors .'phi"),
    ],
)
def test_weights_of_another_network_are_refused(
    net: TrackerNet, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    save_tracker(net, tmp_path, {})
    rewrite_card(tmp_path, **changes)
    with pytest.raises(WeightsError, match=said):
        load_tracker(tmp_path)


def test_a_file_whose_hash_fits_but_is_no_weights_file_is_refused(net: TrackerNet, tmp_path: Path) -> None:
    import hashlib

    save_tracker(net, tmp_path, {})
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"no tensors")
    rewrite_card(tmp_path, bytes=10, sha256=hashlib.sha256(b"no tensors").hexdigest())
    with pytest.raises(WeightsError, match="no safetensors file"):
        load_tracker(tmp_path)
    broken = net.state_dict() | {"bias": torch.tensor(float("nan"))}
    save_file(broken, path)
    rewrite_card(tmp_path, bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(WeightsError, match="bias is not finite"):
        load_tracker(tmp_path)


def test_a_diverged_network_leaves_the_published_one_alone(net: TrackerNet, tmp_path: Path) -> None:
    first = save_tracker(net, tmp_path, {"name": "good"})
    with torch.no_grad():
        net.psi.conv0.weight[0, 0, 0, 0, 0] = 1e6  # no float16
    with pytest.raises(WeightsError, match=r"psi\.conv0\.weight.*not finite"):
        save_tracker(net, tmp_path, {"name": "bad"})
    with pytest.raises(ValueError, match=r"\['sha256'\] are written by save_tracker"):
        save_tracker(net, tmp_path, {"sha256": "x"})
    with pytest.raises(ValueError, match="Out of range float"):
        save_tracker(TrackerNet(SMALL), tmp_path, {"score": float("nan")})
    assert load_tracker(tmp_path, "cpu").card == json.loads(json.dumps(first))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_device_that_is_not_there_is_named() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        choose_device("gpu")
    with pytest.raises(ValueError, match="'mps' is not supported"):
        choose_device("mps")
    with pytest.raises(ValueError, match="'cuda:99' was asked for"):
        choose_device("cuda:99")
