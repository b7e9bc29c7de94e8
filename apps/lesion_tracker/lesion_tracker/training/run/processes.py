"""The processes of a run: one, or those that torchrun started, which share their gradients."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch

PATIENCE = timedelta(hours=2)
"""The others wait this long while the first process validates."""


@dataclass(frozen=True)
class Processes:
    """How many there are, and which this one is."""

    count: int = 1
    number: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.number == 0


@contextmanager
def joined_processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started (it sets WORLD_SIZE and RANK); without it there is one."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Processes(count, int(os.environ["RANK"]))
    finally:
        torch.distributed.destroy_process_group()
