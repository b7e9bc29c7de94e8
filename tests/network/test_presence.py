"""The head that says "nothing here": what it reads, that the map does not change through it, and that old weights have none."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.presence import PresenceHead, center_of
from lesion_tracker.network.tracker import tracker_from_net
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import CARD_FILE, load_tracker, save_tracker
from lesion_tracker.tracking.search import search_sources
from tests.network.test_variants import LESION, small_input, waves

SMALL = NetworkConfig(blocks=(1, 1, 1), growth=8, stem=8, bottleneck=2, features=8, global_kernel=(3, 5, 5))
WITH_HEAD = replace(SMALL, presence=True)


def features_of(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(1, 8, 6, 16 // n, 16 // n, generator=generator) for n in (1, 2, 4)]


def test_it_compares_the_lesion_with_what_lies_at_the_top_of_the_map() -> None:
    torch.manual_seed(0)
    head, template, search = PresenceHead(8), features_of(1), features_of(2)
    cells = [(3, 9, 6), (3, 4, 3), (3, 2, 1)]  # one place at the three scales
    centers = [center_of(image, cell) for image, cell in zip(template, cells, strict=True)]
    logits = torch.full((1, 6, 16, 16), -40.0)
    logits[0, 3, 9, 6] = 20.0
    answer = head(centers, search, logits)
    for image, cell in zip(search, cells, strict=True):
        image[:, :, cell[0], cell[1], cell[2]] += 1.0 + torch.arange(8.0)
    assert not torch.allclose(head(centers, search, logits), answer)  # what lies at the top counts
    same = head(centers, search, logits)
    for image, cell in zip(search, cells, strict=True):
        kept = image[:, :, cell[0], cell[1], cell[2]].clone()
        image.add_(5.0)
        image[:, :, cell[0], cell[1], cell[2]] = kept
    assert torch.allclose(head(centers, search, logits), same, atol=1e-5)  # what lies elsewhere does not


def test_the_centre_of_a_lesion_is_the_mean_of_the_27_cells_that_lie_in_the_crop() -> None:
    image = features_of(3)[0]
    assert torch.allclose(center_of(image, (2, 5, 5)), image[:, :, 1:4, 4:7, 4:7].mean((2, 3, 4)))
    assert torch.allclose(center_of(image, (0, 0, 15)), image[:, :, 0:2, 0:2, 14:16].mean((2, 3, 4)))


def test_a_network_with_it_has_the_map_of_the_same_network_without_it_and_its_loss_leaves_the_map_alone() -> None:
    torch.manual_seed(3)
    net, plain = TrackerNet(WITH_HEAD), TrackerNet(SMALL)
    plain.load_state_dict({name: value for name, value in net.state_dict().items() if not name.startswith("present.")})
    inputs = small_input(SMALL)
    output = net.answer(inputs)
    assert torch.equal(output.logits, plain(inputs))
    assert plain.answer(inputs).presence is None
    assert output.presence is not None
    assert output.presence.shape == (1,)
    output.presence.sum().backward()
    assert net.bias.grad is None  # of the map alone
    assert net.present is not None
    assert float(net.present.hidden.weight.grad.abs().sum()) > 0  # type: ignore[union-attr]


def test_lesions_of_one_search_are_judged_as_each_alone() -> None:
    torch.manual_seed(4)
    head, search = PresenceHead(8), features_of(2)
    centers = [torch.randn(3, 8) for _ in range(3)]
    logits = torch.randn(3, 6, 16, 16) * 5
    together = head(centers, search, logits)
    alone = [head([c[n : n + 1] for c in centers], search, logits[n : n + 1]) for n in range(3)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


def test_it_is_saved_with_the_weights_and_reaches_the_answer_of_a_search(tmp_path: Path) -> None:
    torch.manual_seed(5)
    save_tracker(TrackerNet(WITH_HEAD), tmp_path, {"name": "with"})
    loaded = load_tracker(tmp_path, "cpu")
    assert loaded.config == WITH_HEAD
    answer = search_sources(loaded, waves, (LESION, 5.0), waves, (LESION, 5.0))
    assert answer.presence is not None
    plain = tracker_from_net(TrackerNet(SMALL), device="cpu")
    assert search_sources(plain, waves, (LESION, 5.0), waves, (LESION, 5.0)).presence is None


def test_a_card_of_before_it_is_of_a_network_without(tmp_path: Path) -> None:
    save_tracker(TrackerNet(SMALL), tmp_path, {"name": "before"})
    card = json.loads((tmp_path / CARD_FILE).read_text())
    assert card["config"].pop("presence") is False
    (tmp_path / CARD_FILE).write_text(json.dumps(card))
    assert load_tracker(tmp_path, "cpu").net.present is None
