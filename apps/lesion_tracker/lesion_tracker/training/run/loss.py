"""The losses: the paper's focal loss on the score map, and the cross-entropy of the place."""

import torch
from torch.nn import functional as F

from lesion_tracker.training.examples.example import Example
from lesion_tracker.training.run.settings import OptimiserSection

ABSENT_WEIGHT = 4.0
"""Of five lesions of a pair one may have vanished, and four in five pairs keep all: so both kinds are learned from."""


def focal_loss(logits: torch.Tensor, target: torch.Tensor, alpha: float = 2.0, beta: float = 4.0) -> torch.Tensor:
    """Return the penalty-reduced focal loss, summed over the cells and divided by the number of positives.

    Args:
        logits: any shape; taken to float32.
        target: Y of the same shape in [0, 1]; cells of exactly 1 are positive.
        alpha: weight of hard cells.
        beta: how much cells near a positive are spared.

    Source: Eq. 8 of Cai et al., Deep Lesion Tracker, CVPR 2021, with the minus sign and the 1 / N_pos that its text
    leaves out (Zhou et al., Objects as Points, 2019). A map without a positive is divided by 1.
    """
    logits = logits.float()
    score = torch.sigmoid(logits)
    positive = target == 1
    at_positive = (1 - score) ** alpha * F.logsigmoid(logits)
    elsewhere = (1 - target) ** beta * score**alpha * F.logsigmoid(-logits)
    total = torch.where(positive, at_positive, elsewhere).sum()
    return -total / positive.sum().clamp_min(1)


def place_loss(logits: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy between where the softmax of the map puts the lesion and where it is.

    The focal loss has one positive cell in ten thousands; this term compares all cells with each other, and its target,
    a narrow Gaussian round the exact centre, teaches the place inside the cell.

    Args:
        logits: (z, y, x).
        place: (z, y, x), not negative, sums to 1.
    """
    return -(place * F.log_softmax(logits.float().flatten(), 0).view_as(place)).sum()


def softly_capped(loss: torch.Tensor, cap: float) -> torch.Tensor:
    """Return a loss that grows only logarithmically above `cap`: its gradient never outweighs the others'.

    The focal loss sums over all cells; where a whole map scores high it reaches thousands, and that one step would undo
    what hundreds have learned.

    Args:
        loss: of one map, not negative; any shape.
        cap: from here on it grows logarithmically.
    """
    return torch.where(loss <= cap, loss, cap * (1 + torch.log(loss.clamp_min(cap) / cap)))


def presence_loss(presence: torch.Tensor, example: Example) -> torch.Tensor:
    """Return the mean cross-entropy of "it is there"; a lesion that is not counts `ABSENT_WEIGHT` times.

    Args:
        presence: logits of the example's L lesions, (L,).
        example: a lesion without a true place is absent: it has vanished, or lies outside of what was scanned.
    """
    there = torch.tensor([truth is not None for truth in example.truth_mm], device=presence.device)
    weight = torch.where(there, 1.0, ABSENT_WEIGHT)
    return F.binary_cross_entropy_with_logits(presence.float(), there.float(), weight)


def example_loss(logits: torch.Tensor, example: Example, settings: OptimiserSection) -> torch.Tensor:
    """Return the mean loss of an example's lesions: Eq. 8 and the cross-entropy of the place, weighted.

    Args:
        logits: of its L lesions, (L, cells z, y, x).
        example: with its targets.
        settings: the weights of both, and the cap of Eq. 8.
    """
    losses = []
    for map_, target, place in zip(logits, example.targets, example.places, strict=True):
        loss = settings.focal_weight * softly_capped(focal_loss(map_, target.to(map_.device)), settings.focal_cap)
        if settings.place_weight and bool(place.any()):
            loss = loss + settings.place_weight * place_loss(map_, place.to(map_.device))
        losses.append(loss)
    return torch.stack(losses).mean()
