"""The losses have the values that Eq. 8 and a cross-entropy give by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lesion_tracker.network.cells import lps_from_cell, score_target
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.run.loss import example_loss, focal_loss, place_loss, presence_loss, softly_capped
from lesion_tracker.training.run.settings import OptimiserSection
from tests.training.made import made_examples


def test_focal_loss_on_a_map_of_3_by_3_by_3_is_what_eq_8_gives_by_hand() -> None:
    logits = torch.full((3, 3, 3), math.log(0.1 / 0.9))  # a score of 0.1 in every cell
    logits[1, 1, 1] = math.log(0.7 / 0.3)
    target = torch.zeros(3, 3, 3)
    target[1, 1, 1] = 1.0
    target[1, 1, 2] = 0.5
    positive = 0.3**2 * math.log(0.7)
    near = 0.5**4 * 0.1**2 * math.log(0.9)
    far = 25 * 0.1**2 * math.log(0.9)
    assert float(focal_loss(logits, target)) == pytest.approx(-(positive + near + far), rel=1e-5)


def test_focal_loss_is_divided_by_the_number_of_positives_and_by_1_without_any() -> None:
    logits, target = torch.zeros(1, 1, 4), torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    one_cell = 0.25 * math.log(2)
    assert float(focal_loss(logits, target)) == pytest.approx(4 * one_cell / 2, rel=1e-5)
    assert float(focal_loss(logits, torch.zeros(1, 1, 4))) == pytest.approx(4 * one_cell, rel=1e-5)


def test_focal_loss_stays_finite_where_bfloat16_scores_are_exactly_0_or_1() -> None:
    logits = torch.tensor([[[60.0, -60.0]]], dtype=torch.bfloat16, requires_grad=True)
    loss = focal_loss(logits, torch.tensor([[[0.0, 1.0]]]))
    loss.backward()
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(120.0, rel=1e-3)
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())


def test_place_loss_is_the_cross_entropy_of_the_softmax() -> None:
    logits = torch.tensor([[[0.0, math.log(3.0)]]])
    place = torch.tensor([[[0.25, 0.75]]])
    expected = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert float(place_loss(logits, place)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_an_off_grid_centre_has_exactly_one_positive_and_it_is_the_nearest_cell(seed: int) -> None:
    grid = crop_grid(np.array([-3.0, 7.0, 100.0]), (64, 64, 32))
    center = np.random.default_rng(seed).uniform([0, 10, 105], [40, 55, 155])
    target = score_target(grid, center, 6.0)
    ones = (target == 1).nonzero()
    assert len(ones) == 1
    place = lps_from_cell(grid, ones.flip(1).numpy().astype(np.float64))[0]
    assert (np.abs(place - center) <= np.array([1.6, 1.6, 2.0]) + 1e-6).all()  # half a cell


def test_the_target_is_a_gaussian_of_the_radius_at_the_centres_of_the_cells() -> None:
    grid = crop_grid(np.zeros(3), (32, 32, 16))
    center, radius = np.array([11.0, 9.0, 14.0]), 5.0
    target = score_target(grid, center, radius)
    cell = lps_from_cell(grid, np.array([[5.0, 2.0, 1.0]]))[0]
    expected = math.exp(-float(((cell - center) ** 2).sum()) / (2 * radius**2))
    assert float(target[1, 2, 5]) == pytest.approx(expected, rel=1e-5)


def test_an_absent_lesion_counts_four_times_in_the_loss_of_presence() -> None:
    example = replace(made_examples(2)[0], truth_mm=(np.zeros(3), None))
    one_in_three, one_in_two = torch.tensor(-math.log(2)), torch.tensor(0.0)
    loss = presence_loss(torch.stack([one_in_three, one_in_two]), example)
    assert float(loss) == pytest.approx((math.log(3) + 4 * math.log(2)) / 2, rel=1e-5)


def test_the_cap_leaves_small_losses_and_grows_as_the_logarithm_above() -> None:
    loss = torch.tensor([0.0, 3.0, 5.0, 5.0 * math.e, 500.0], requires_grad=True)
    capped = softly_capped(loss, 5.0)
    assert capped.tolist() == pytest.approx([0.0, 3.0, 5.0, 10.0, 5 * (1 + math.log(100))], rel=1e-5)
    capped.sum().backward()
    assert loss.grad is not None
    assert loss.grad.tolist() == pytest.approx([1.0, 1.0, 1.0, 1 / math.e, 0.01], rel=1e-5)


def test_an_example_s_loss_is_the_mean_of_its_lesions_and_a_vanished_one_has_no_place() -> None:
    logits = torch.zeros(2, 1, 1, 4)
    targets = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]).view(2, 1, 1, 4)
    made = made_examples(2)[0]
    example = replace(made, targets=targets, places=targets)
    focal = 4 * 0.25 * math.log(2)  # four cells with a score of one half
    there, gone = 0.5 * focal + 2.0 * math.log(4), 0.5 * focal
    settings = OptimiserSection(focal_weight=0.5, place_weight=2.0, focal_cap=5.0)
    assert float(example_loss(logits, example, settings)) == pytest.approx((there + gone) / 2, rel=1e-5)
    capped = OptimiserSection(focal_weight=0.5, place_weight=0.0, focal_cap=0.1)
    by_hand = 0.5 * 0.1 * (1 + math.log(focal / 0.1))
    assert float(example_loss(logits, example, capped)) == pytest.approx(by_hand, rel=1e-5)
