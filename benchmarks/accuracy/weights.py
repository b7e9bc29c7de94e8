"""The weights that a benchmark measures: refused with a sentence, and read once in each process."""

import multiprocessing
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import torch

from lesion_tracker.errors import WeightsError
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.network.weights import load_tracker


def usable_weights(folder: Path, device: str) -> Tracker | None:
    """Return the weights, or None where they cannot be used; why is printed."""
    try:
        return load_tracker(folder, device)
    except (WeightsError, ValueError) as error:
        print(error, file=sys.stderr)
        return None


def judged_by(card: dict[str, Any]) -> dict[str, Any]:
    """Return what a card says about choice, confidence and states: a part of what decides a result."""
    return {name: card.get(name) for name in ("calibration", "judgement") if name == "calibration" or card.get(name)}


@cache
def shared_model(folder: Path, device: str, processes: int) -> Tracker:
    """Return the weights, read once in each process; processes that work at once share the cores."""
    if processes > 1 and multiprocessing.parent_process() is not None:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    return load_tracker(folder, device)
