"""The training run of a detector or an embedding: resumable to the step, deterministic from its seed, averaged weights."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lesion_tracker.errors import FileFormatError
from lesion_tracker.network.normalization import set_calibrating
from lesion_tracker.training.run.checkpoint import read_checkpoint, write_checkpoint

LossOf = Callable[[int], torch.Tensor]
"""The loss of numbered example n, with gradient; the same example at every call."""
CALIBRATION_EXAMPLES = 12


@dataclass(frozen=True)
class RunSettings:
    """Budget and optimiser; what the other trained peers have too.

    Args:
        steps: of the optimiser.
        batch: examples a step; the examples are small, and with six a step costs what one of the tracking rows does.
        seed: of weights and examples.
        learning_rate: rises over `warmup` steps, falls to 0 over the last `decay` share.
        warmup: steps.
        decay: share.
        weight_decay: of kernels.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights.
        checkpoint_seconds: between checkpoints.
    """

    steps: int = 1000
    batch: int = 6
    seed: int = 1
    learning_rate: float = 1e-3
    warmup: int = 50
    decay: float = 0.4
    weight_decay: float = 1e-2
    clip: float = 5.0
    ema: float = 0.99
    checkpoint_seconds: float = 60.0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        fall = min(1.0, (self.steps - step) / max(1.0, self.decay * self.steps))
        return self.learning_rate * rise * fall


class Run:
    """One training.

    Args:
        net: trained in place.
        loss_of: of an example.
        folder: of the checkpoint.
        settings: of the run.
    """

    def __init__(self, net: nn.Module, loss_of: LossOf, folder: Path, settings: RunSettings) -> None:
        self.net, self.loss_of, self.folder, self.settings = net, loss_of, folder, settings
        groups = [
            {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99))
        self.losses: list[float] = []
        self.seconds = 0.0
        self.average = self._copy()

    def start(self) -> None:
        """Go on from the checkpoint, or measure the statistics of the normalisation on the first examples.

        Raises:
            FileFormatError: for a checkpoint that is torn, or of a run with other settings.
        """
        state = read_checkpoint(self.folder)
        if state is None:
            set_calibrating(self.net, True)
            with torch.no_grad():
                for number in range(CALIBRATION_EXAMPLES):
                    self.loss_of(number)
            set_calibrating(self.net, False)
            self.average = self._copy()
            return
        if state["settings"] != asdict(self.settings):
            raise FileFormatError(
                f"the checkpoint in {self.folder} is of another run: {state['settings']}, not {asdict(self.settings)}"
            )
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average, self.losses, self.seconds = state["average"], list(state["losses"]), state["seconds"]

    def run(self, report: Callable[[int, float], None]) -> None:
        """Train to the last step, reporting step and loss, with checkpoints on the way and one at the end."""
        saved = time.monotonic()
        while len(self.losses) < self.settings.steps:
            started = time.monotonic()
            self._step()
            self.seconds += time.monotonic() - started
            report(len(self.losses), self.losses[-1])
            if time.monotonic() - saved > self.settings.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()

    def save(self) -> bool:
        """Write a checkpoint; a failed write leaves the last good one and returns False."""
        state: dict[str, Any] = {
            "settings": asdict(self.settings),
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "losses": self.losses,
            "seconds": self.seconds,
        }
        return write_checkpoint(self.folder, state)

    def _step(self) -> None:
        step = len(self.losses)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate(step)
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for number in range(step * self.settings.batch, (step + 1) * self.settings.batch):
            loss = self.loss_of(number) / self.settings.batch
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.settings.clip)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        self.losses.append(total)
        decay = min(self.settings.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - decay)
                else:  # a counter
                    self.average[name].copy_(value)

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.net.state_dict().items()}
