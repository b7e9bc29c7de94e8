"""The training run: resumable to the step, deterministic from its seed, with averaged weights."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lib.decoding.peaks import find_peak
from lib.errors import FileFormatError
from lib.network.normalization import set_calibrating
from lib.network.tracker_net import TrackerNet
from lib.training.checkpoint import read_checkpoint, write_checkpoint
from lib.training.examples import Example
from lib.training.loss import focal_loss, place_loss, softly_capped
from lib.training.settings import OptimiserSection, TrainingSettings

logger = logging.getLogger(__name__)

CALIBRATION_EXAMPLES = 12
"""Examples that measure the statistics of the normalisation before the first step."""


@dataclass(frozen=True)
class StepReport:
    """What one step shows: its number, loss, mean error in mm of the lesions that are there, and the time left."""

    step: int
    loss: float
    error_mm: float
    seconds_left: float


def learning_rate(settings: OptimiserSection, step: int) -> float:
    """Return the learning rate of a step: warm-up, constant, then linear to 0 over the last share of the run."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup))
    falling = settings.decay * settings.steps
    fall = min(1.0, (settings.steps - step) / falling) if falling >= 1 else 1.0
    return settings.learning_rate * rise * fall


def example_loss(logits: torch.Tensor, example: Example, settings: OptimiserSection) -> torch.Tensor:
    """Return the mean loss of an example's lesions: Eq. 8 and the cross-entropy of the place, weighted."""
    losses = []
    for map_, target, place in zip(logits, example.targets, example.places, strict=True):
        loss = settings.focal_weight * softly_capped(focal_loss(map_, target.to(map_.device)), settings.focal_cap)
        if settings.place_weight and bool(place.any()):
            loss = loss + settings.place_weight * place_loss(map_, place.to(map_.device))
        losses.append(loss)
    return torch.stack(losses).mean()


def errors_mm(logits: torch.Tensor, example: Example) -> list[float]:
    """Return the distance in mm between the decoded and the true centre of each lesion that is there."""
    errors = []
    for map_, truth in zip(logits.detach().float().cpu(), example.truth_mm, strict=True):
        if truth is not None:
            peak = find_peak(map_, example.inputs.search_grid)
            errors.append(float(np.linalg.norm(peak.center_mm - truth)))
    return errors


class Trainer:
    """One run of training, on one process or as one of several that share gradients.

    Args:
        settings: of the run.
        net: to train; its weights are replaced by those of a checkpoint where there is one.
        examples: numbered; step n uses example n (of several processes, process k uses example n * processes + k).
        processes: how many share the gradients.
        process: which of them this one is.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        net: TrackerNet,
        examples: Dataset[Example],
        processes: int = 1,
        process: int = 0,
    ) -> None:
        self.settings = settings
        self.examples = examples
        self.processes = processes
        self.process = process
        self.device = _device(settings.run.device)
        self.net: TrackerNet = net.to(self.device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        decayed = [p for p in net.parameters() if p.ndim > 1]
        others = [p for p in net.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": settings.optimiser.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.optimiser.learning_rate, betas=(0.9, 0.99))
        self.average = {name: value.detach().clone() for name, value in net.state_dict().items()}
        self.step = 0

    def calibrate(self) -> None:
        """Measure the statistics of the normalisation on the first examples; they stay as they are from here on."""
        set_calibrating(self.net, True)
        with torch.no_grad():
            for number in range(CALIBRATION_EXAMPLES):
                self._forward(self.examples[number])
        set_calibrating(self.net, False)
        self.average = {name: value.detach().clone() for name, value in self.net.state_dict().items()}

    def resume(self) -> bool:
        """Go on from the run's last checkpoint; say whether there was one.

        Raises:
            FileFormatError: if the checkpoint belongs to another network.
        """
        state = read_checkpoint(self.settings.run.output)
        if state is None:
            return False
        if state["network"] != self.net.config.to_json():
            raise FileFormatError(
                f"the checkpoint in {self.settings.run.output} is of another network: {state['network']}"
            )
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        self.step = int(state["step"])
        logger.info("going on from step %d of %s", self.step, self.settings.run.output)
        return True

    def save(self) -> None:
        """Write a checkpoint; a failed write leaves the last good one."""
        state: dict[str, Any] = {
            "step": self.step,
            "network": self.net.config.to_json(),
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
        }
        write_checkpoint(self.settings.run.output, state)

    def run(self, report: Callable[[StepReport], None]) -> None:
        """Train to the last step, reporting each, with checkpoints on the way and one at the end."""
        started, first, saved = time.monotonic(), self.step, time.monotonic()
        for example in self._stream():
            loss, errors = self._train_on(example)
            self.step += 1
            pace = (time.monotonic() - started) / (self.step - first)
            left = pace * (self.settings.optimiser.steps - self.step)
            report(StepReport(self.step, loss, float(np.mean(errors)) if errors else math.nan, left))
            if self.process == 0 and time.monotonic() - saved > self.settings.run.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        if self.process == 0:
            self.save()

    def averaged_net(self) -> TrackerNet:
        """Return a copy of the network with the averaged weights, in evaluation mode: the one to publish."""
        net = TrackerNet(self.net.config)
        net.load_state_dict({name: value.cpu() for name, value in self.average.items()})
        return net.eval()

    def _stream(self) -> Iterator[Example]:
        numbers = range(
            self.step * self.processes + self.process, self.settings.optimiser.steps * self.processes, self.processes
        )
        workers = self.settings.run.workers
        return iter(
            DataLoader(
                self.examples,
                batch_size=None,
                sampler=list(numbers),
                num_workers=workers,
                prefetch_factor=3 if workers else None,
                worker_init_fn=_quiet_worker if workers else None,
            )
        )

    def _forward(self, example: Example) -> torch.Tensor:
        inputs = example.inputs.to(self.device)
        autocast = self.settings.run.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16) if autocast else nullcontext():
            logits: torch.Tensor = self.net(inputs)
        return logits

    def _train_on(self, example: Example) -> tuple[float, list[float]]:
        optimiser = self.settings.optimiser
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(optimiser, self.step)
        logits = self._forward(example)
        loss = example_loss(logits, example, optimiser)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._share_gradients()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), optimiser.clip)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        else:
            logger.warning("step %d: the gradient is not finite; step left out", self.step)
        self._average()
        return float(loss.detach()), errors_mm(logits, example)

    def _share_gradients(self) -> None:
        if self.processes == 1:
            return
        for parameter in self.net.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= self.processes

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.settings.optimiser.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.net.state_dict().items():
            self.average[name].lerp_(value, 1 - decay)


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def _quiet_worker(_: int) -> None:
    torch.set_num_threads(1)
    os.nice(1)
