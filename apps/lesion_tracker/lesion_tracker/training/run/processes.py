"""The processes of a run: one, or those that torchrun started, which share their gradients."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import nn

from lesion_tracker.errors import InputError

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


def device_of(wanted: str) -> torch.device:
    """Return the device of a run; of several processes each takes the GPU of its place on the machine.

    Raises:
        InputError: for CUDA where there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("run.device is 'cuda', but torch sees no CUDA device here")
    if wanted == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def share_weights(net: nn.Module, processes: int) -> None:
    """Give all processes the weights of the first."""
    if processes > 1:
        for value in net.state_dict().values():
            torch.distributed.broadcast(value, 0)


def share_gradients(net: nn.Module, processes: int) -> None:
    """Replace each gradient by its mean over the processes, in one exchange."""
    if processes == 1:
        return
    parameters = list(net.parameters())
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(flat)
    flat /= processes
    parts = torch.split(flat, [p.numel() for p in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter).clone(memory_format=torch.preserve_format)
