"""From a map of logits to the network's answer: peak, rival, probability, and why a search is widened."""

import numpy as np
import pytest
import torch

from lesion_tracker.network.anatomy_signal import anatomy_signal
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.lattice import cell_grid, crop_grid, search_grid
from lesion_tracker.network.tracker import Tracker, tracker_from_net
from lesion_tracker.network.tracker_net import NetOutput, TrackerNet
from lesion_tracker.tracking import search as search_module
from lesion_tracker.tracking.case_search import search
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.search import (
    TOGETHER,
    NetworkAnswer,
    Sought,
    answer_from_map,
    poor,
    search_sources,
    search_together,
)
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.tracking.made_pair import case

GRID = search_grid(np.zeros(3), (128, 128, 48))
GOOD = NetworkAnswer(np.zeros(3), 0.9, 2.2, -3.0, 40.0, 5)


def _map(center: np.ndarray, height: float = 8.0, width_mm: float = 5.0) -> torch.Tensor:
    return anatomy_signal(cell_grid(GRID), center, width_mm, 1.0) * height - 6.0


def test_the_answer_is_the_peak_with_its_probability() -> None:
    where = np.array([11.3, -7.9, 5.2])
    answer = answer_from_map(_map(where, 14.0), GRID, 8.0)
    assert np.linalg.norm(answer.center_mm - where) < 0.6  # a Gaussian in logits is no exact parabola
    assert answer.scores is not None
    there, elsewhere = answer.scores.at(where), answer.scores.at(np.array([-20.0, 0.0, 0.0]))
    assert there[1] > 0.9
    assert elsewhere[1] < 0.01
    assert elsewhere[0] < there[0] - 5
    assert poor(answer) == ""


def test_a_second_peak_is_a_rival() -> None:
    two = torch.maximum(_map(np.array([10.0, 0.0, 0.0])), _map(np.array([-25.0, 0.0, 0.0]), 7.9))
    answer = answer_from_map(two, GRID, 6.0)
    assert 30 < answer.rival_mm < 40
    assert "second peak" in poor(answer)


def test_poor_answers_name_the_reason() -> None:
    assert poor(GOOD) == ""
    assert "low peak" in poor(NetworkAnswer(**{**vars(GOOD), "score": 0.02}))
    assert "border" in poor(NetworkAnswer(**{**vars(GOOD), "edge_cells": 1}))


def test_a_network_without_training_answers_inside_its_crop_and_says_why_it_looked_wider() -> None:
    rng = np.random.default_rng(0)
    study = Volume(
        rng.normal(0, 100, (60, 120, 120)).astype(np.float32),
        Grid.from_parts((120, 120, 60), np.array([1.6, 1.6, 3.0]), np.array([-96.0, -96.0, -90.0]), np.eye(3)),
    )
    torch.manual_seed(0)
    tracker = tracker_from_net(
        TrackerNet(NetworkConfig(blocks=(1, 1, 1), growth=8, stem=8, features=16)).eval(), device="cpu"
    )
    (answer,) = search(tracker, [case(Pair(study, study), np.zeros(3), 8.0)])
    assert np.abs(answer.center_mm).max() < 100
    assert 0 <= answer.score <= 1
    assert answer.widened != ""


def test_the_crop_s_own_lattice_does_not_move_the_answer() -> None:
    shifted = crop_grid(GRID.origin_mm + np.array([1.6, 0.8, 2.0]), GRID.size)
    where = np.array([3.0, 4.0, 5.0])
    there = [answer_from_map(anatomy_signal(cell_grid(g), where, 30.0, 1.0), g, 8.0).center_mm for g in (GRID, shifted)]
    assert np.linalg.norm(there[0] - there[1]) < 0.05


@pytest.mark.parametrize(
    ("sure", "peak_mm", "asked"),
    [
        (True, 2.0, [80]),  # where registration says: no wider look
        (True, 16.0, [80, 128]),  # elsewhere
        (False, 2.0, [128]),
    ],
)
def test_a_narrow_crop_does_where_registration_is_sure_and_the_network_agrees(
    sure: bool, peak_mm: float, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []

    def sees(_: Tracker, kernels: object, image: torch.Tensor, signal: object) -> NetOutput:
        widths.append(image.shape[-1])
        grid = search_grid(np.zeros(3), (image.shape[4], image.shape[3], image.shape[2]))
        there = anatomy_signal(cell_grid(grid), np.array([peak_mm, 0.0, 0.0]), 2.0, 2.0)
        return NetOutput((24.0 * there - 20.0)[None], None)

    monkeypatch.setattr(Tracker, "answer_to", sees)
    tracker = tracker_from_net(TrackerNet(NetworkConfig(blocks=(1, 1, 1), growth=4, stem=4, features=8)), device="cpu")

    def air(grid: Grid) -> torch.Tensor:
        return torch.full(grid.shape, -1000.0)

    answer = search_sources(tracker, air, (np.zeros(3), 5.0), air, (np.zeros(3), 5.0), sure=sure)
    assert widths == asked
    assert answer.reach_mm == (28.0 if asked == [80] else 48.0)
    assert answer.center_mm[0] == pytest.approx(peak_mm, abs=1.0)


def test_lesions_looked_for_together_get_the_answers_that_each_gets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "poor", lambda _: "")  # no wide crops, which are read one by one anyway
    torch.manual_seed(4)
    sizes = NetworkConfig(blocks=(1, 1, 1), growth=4, stem=4, features=8, presence=True)
    tracker = tracker_from_net(TrackerNet(sizes), device="cpu")

    def waves(grid: Grid) -> torch.Tensor:
        k, j, i = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in grid.shape), indexing="ij")
        x, y, z = (float(v) for v in grid.origin_mm)
        return 300 * torch.sin((i * 0.8 + x) / 5) * torch.cos((j * 0.8 + y) / 7) + 200 * torch.sin((k * 2 + z) / 9)

    sought = [
        Sought(
            waves,
            (np.array([9.0 * n, 5.0, -4.0]), 4.0 + n),
            waves,
            (np.array([9.0 * n, 6.0, 3.0]), 4.0 + n),
            n % 2 == 0,
        )
        for n in range(TOGETHER + 1)
    ]
    for one, answer in zip(sought, search_together(tracker, sought), strict=True):
        (alone,) = search_together(tracker, [one])
        np.testing.assert_array_equal(answer.center_mm, alone.center_mm)
        assert answer.scores is not None
        assert alone.scores is not None
        assert torch.equal(answer.scores.logits, alone.scores.logits)
        assert (answer.reach_mm, answer.presence) == (alone.reach_mm, alone.presence)
