"""What one step of training shows: its loss, its errors in mm, and its example."""

from dataclasses import dataclass

import numpy as np
import torch

from lesion_tracker.network.peaks import find_peak
from lesion_tracker.training.examples.example import Example


@dataclass(frozen=True)
class StepReport:
    """What one step shows.

    Args:
        step: how many are done.
        loss: mean of this process's examples.
        error_mm: mean over the lesions that are there; NaN where none is.
        learning_rate: used.
        seconds_left: of the run.
        example: the last of the step.
        logits: of its lesions, (L, cells z, y, x).
    """

    step: int
    loss: float
    error_mm: float
    learning_rate: float
    seconds_left: float
    example: Example
    logits: torch.Tensor


def errors_mm(logits: torch.Tensor, example: Example) -> list[float]:
    """Return the distance in mm between the decoded and the true centre of each lesion that is there.

    Args:
        logits: of the example's L lesions, (L, cells z, y, x).
        example: with its truth.
    """
    errors = []
    for map_, truth in zip(logits.detach().float().cpu(), example.truth_mm, strict=True):
        if truth is not None:
            peak = find_peak(map_, example.inputs.search_grid)
            errors.append(float(np.linalg.norm(peak.center_mm - truth)))
    return errors
