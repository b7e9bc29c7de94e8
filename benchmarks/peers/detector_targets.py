"""What each anchor of a detector should answer, and the loss: focal for the score, smooth L1 for the ball."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

CORE = 0.75
"""Anchors within this share of a lesion's radius round its centre stand for it; the nearest one always does."""
ALPHA, GAMMA = 0.25, 2.0


@dataclass(frozen=True)
class Targets:
    """What a detector should answer for one crop.

    Args:
        positive: (anchors,), those that stand for a lesion.
        counted: (anchors,), those whose score is judged; others inside of a lesion are not.
        balls: (anchors, 4), relative to the anchors; only those of positive ones mean something.
    """

    positive: torch.Tensor
    counted: torch.Tensor
    balls: torch.Tensor


def targets_of(anchors: np.ndarray, lesions: np.ndarray) -> Targets:
    """Assign lesions to anchors: each to the scale whose anchor radius is nearest by ratio.

    Args:
        anchors: (anchors, 4), LPS mm and radius.
        lesions: (lesions, 4), LPS mm and radius; may be none.
    """
    positive = np.zeros(len(anchors), dtype=bool)
    counted = np.ones(len(anchors), dtype=bool)
    balls = np.zeros((len(anchors), 4))
    nearest = np.full(len(anchors), np.inf)
    sizes = np.unique(anchors[:, 3])
    for lesion in lesions:
        distance = np.linalg.norm(anchors[:, :3] - lesion[:3], axis=1)
        counted &= distance > lesion[3]
        scale = anchors[:, 3] == sizes[np.abs(np.log(sizes / lesion[3])).argmin()]
        mine = scale & (distance <= max(CORE * lesion[3], distance[scale].min())) & (distance < nearest)
        positive |= mine
        nearest[mine] = distance[mine]
        balls[mine] = relative(anchors[mine], lesion[None])
    return Targets(*(torch.from_numpy(part) for part in (positive, counted | positive, balls.astype(np.float32))))


def relative(anchors: np.ndarray, balls: np.ndarray) -> np.ndarray:
    """Return balls (n, 4) relative to anchors (n, 4): the offset in anchor radii, and the logarithm of the ratio."""
    offset = (balls[:, :3] - anchors[:, :3]) / anchors[:, 3:]
    return np.column_stack([offset, np.log(balls[:, 3] / anchors[:, 3])])


def absolute(anchors: np.ndarray, balls: np.ndarray) -> np.ndarray:
    """Undo `relative`; a radius is at most eight times its anchor's or an eighth of it."""
    center = anchors[:, :3] + balls[:, :3] * anchors[:, 3:]
    return np.column_stack([center, anchors[:, 3] * np.exp(np.clip(balls[:, 3], -np.log(8), np.log(8)))])


def detector_loss(logits: torch.Tensor, balls: torch.Tensor, wanted: Targets) -> torch.Tensor:
    """Return focal loss (alpha 0.25, gamma 2) plus smooth L1, both summed and divided by the number of positives.

    Args:
        logits: (anchors,).
        balls: (anchors, 4), relative to the anchors.
        wanted: of the same anchors.
    """
    positive = wanted.positive.float()
    score = torch.sigmoid(logits)
    miss = torch.where(wanted.positive, 1 - score, score)
    weight = ALPHA * positive + (1 - ALPHA) * (1 - positive)
    entropy = F.binary_cross_entropy_with_logits(logits, positive, reduction="none")
    focal = (weight * miss**GAMMA * entropy)[wanted.counted].sum()
    place = F.smooth_l1_loss(balls[wanted.positive], wanted.balls[wanted.positive], reduction="sum")
    return (focal + place) / positive.sum().clamp_min(1)
