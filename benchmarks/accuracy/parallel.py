"""Pairs measured one after the other, or several at once in processes of their own."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

import torch

from lesion_tracker.network.tracker import Tracker
from lesion_tracker.network.weights import load_tracker


def run_in_order(work: Callable[[Any], Any], jobs: Sequence[Any], processes: int) -> Iterator[Any]:
    """Give the results of jobs as they are done, from this process or from several.

    Args:
        work: a function of a module, so that another process can find it.
        jobs: its arguments.
        processes: at once.
    """
    if processes == 1:
        yield from map(work, jobs)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(work, job) for job in jobs]):
            yield done.result()


@cache
def shared_model(folder: Path, device: str, processes: int) -> Tracker:
    """Return the weights, read once in each process; processes that work at once share the cores."""
    if processes > 1 and multiprocessing.parent_process() is not None:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    return load_tracker(folder, device)
