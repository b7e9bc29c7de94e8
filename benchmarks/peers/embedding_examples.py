"""What an embedding learns from: places of a constructed pair, each with its own place in the follow-up among others.

The places are the pair's lesions and, because the warp between the scans is known everywhere, structured places round them:
with a handful of lesions an example the networks had learned nothing after 400 steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.peers.embedding import LENGTH, EmbeddingNet
from lesion_tracker.arrays import PointsMm
from lesion_tracker.network.inputs import windowed
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.pair import ExamplePair
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.prepared.prepared_study import PreparedStudy, points_with_structure
from lesion_tracker.volumes.grid import Grid

SCENARIO = ScenarioSettings(template_voxels=(64, 64, 16), search_voxels=((80, 80, 24),), vanished=0.0)
STRUCTURES = 48
"""At most so many structured places beside the lesions."""
STRUCTURES_DRAWN, MARGIN_MM = 600, 6.0
OTHERS = 32
"""Places of the follow-up that are none of them; half of them near one."""

SAME_MM = 8.0
"""A place this near to a lesion's is neither it nor another."""

JITTER_MM = 1.0
"""A detector does not find exact centres."""


@dataclass(frozen=True, eq=False)
class Matching:
    """Places of a baseline and of its follow-up; the first of the latter are the same places in the same order.

    Args:
        template: windowed crop of the baseline, (1, windows, z, y, x).
        template_grid: where it lies.
        lesions_mm: (lesions, 3), LPS of the baseline; structured places count as lesions.
        expected_mm: (lesions, 3), where the affine puts them, from the middle of the follow-up.
        search: windowed crop of the follow-up.
        search_grid: where it lies.
        places_mm: (lesions + others, 3), LPS of the follow-up.
        offsets_mm: the same, from the middle of the follow-up.
    """

    template: torch.Tensor
    template_grid: Grid
    lesions_mm: PointsMm
    expected_mm: PointsMm
    search: torch.Tensor
    search_grid: Grid
    places_mm: PointsMm
    offsets_mm: PointsMm


def draw_matching(studies: Sequence[PreparedStudy], errors: RegistrationErrors, rng: np.random.Generator) -> Matching:
    """Draw a constructed pair and places of its follow-up."""
    pair = draw_constructed_pair(studies, errors, SCENARIO, rng)
    before, truth, expected = _pairs_of_places(pair, studies, rng)
    low, high = pair.search_grid.bounds_mm()
    near = truth[rng.integers(len(truth), size=OTHERS // 2)] + _directions(rng, OTHERS // 2) * rng.uniform(
        SAME_MM, 25.0, (OTHERS // 2, 1)
    )
    others = np.concatenate([near, rng.uniform(low, high, (OTHERS - OTHERS // 2, 3))])
    places = np.concatenate([truth + rng.normal(0, JITTER_MM, truth.shape), np.clip(others, low, high)])
    middle = np.mean(pair.followup.study.grid.bounds_mm(), axis=0)
    return Matching(
        windowed(pair.baseline.source()(pair.template_grid)),
        pair.template_grid,
        before,
        expected - middle,
        windowed(pair.followup.source()(pair.search_grid)),
        pair.search_grid,
        places,
        places - middle,
    )


def _pairs_of_places(
    pair: ExamplePair, studies: Sequence[PreparedStudy], rng: np.random.Generator
) -> tuple[PointsMm, PointsMm, PointsMm]:
    """Return places of the baseline, where they are in the follow-up, and where registration is taken to put them."""
    before = np.array([lesion.clicked_mm for lesion in pair.lesions])
    after = np.array([lesion.followup_mm for lesion in pair.lesions])
    expected = np.array([lesion.expected_mm for lesion in pair.lesions])
    low, high = pair.search_grid.bounds_mm()
    drawn = rng.uniform(low + MARGIN_MM, high - MARGIN_MM, (STRUCTURES_DRAWN, 3))
    origin = drawn if pair.followup.warp is None else pair.followup.warp(drawn)
    study = next(one for one in studies if one.volume is pair.baseline.study)
    inside = pair.template_grid.contains(origin, -MARGIN_MM)
    usable = inside & points_with_structure(study, origin)
    more = drawn[usable][:STRUCTURES]
    error = expected[0] - after[0]  # registration errs alike in places so near to each other
    return (
        np.concatenate([before, origin[usable][:STRUCTURES]]),
        np.concatenate([after, more]),
        np.concatenate([expected, more + error]),
    )


def matching_loss(net: EmbeddingNet, shown: Matching) -> torch.Tensor:
    """Embed both sides and contrast them, by the image alone and with the position."""
    before = net.look(net.psi(shown.template), shown.template_grid, shown.lesions_mm)
    after = net.look(net.psi(shown.search), shown.search_grid, shown.places_mm)
    spread = net.spread(torch.cat([before, after]))
    lesions = net.vectors(spread[: len(before)], shown.expected_mm)
    places = net.vectors(spread[len(before) :], shown.offsets_mm)
    left_out = too_near(shown.places_mm, len(shown.lesions_mm))
    image = contrast_loss(lesions[:, :LENGTH], places[:, :LENGTH], left_out)
    return image + contrast_loss(lesions, places, left_out) if net.position else image


def too_near(places_mm: PointsMm, lesions: int) -> torch.Tensor:
    """Say which places (lesions, places) are too near to a lesion's own to be called another; its own is not."""
    distance = np.linalg.norm(places_mm[:lesions, None] - places_mm[None], axis=2)
    near = distance < SAME_MM
    near[np.arange(lesions), np.arange(lesions)] = False
    return torch.from_numpy(near)


def contrast_loss(lesions: torch.Tensor, places: torch.Tensor, left_out: torch.Tensor) -> torch.Tensor:
    """Return InfoNCE: the cross-entropy of finding lesion n at place n by the products of their vectors.

    Args:
        lesions: (lesions, length).
        places: (places, length), at least as many.
        left_out: (lesions, places), which are not judged.

    Source: van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018.
    """
    products = (lesions @ places.T).masked_fill(left_out.to(lesions.device), -1e4)
    return F.cross_entropy(products, torch.arange(len(lesions), device=lesions.device))


def _directions(rng: np.random.Generator, count: int) -> PointsMm:
    drawn = rng.normal(size=(count, 3))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
