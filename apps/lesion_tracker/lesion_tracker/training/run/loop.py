"""The training run: resumable to the step, deterministic from its seed, with averaged weights."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lesion_tracker.errors import FileFormatError
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.normalization import set_calibrating
from lesion_tracker.network.tracker_net import NetOutput, TrackerNet
from lesion_tracker.training.examples.example import Example
from lesion_tracker.training.run.checkpoint import changed_settings, read_checkpoint, write_checkpoint
from lesion_tracker.training.run.loss import example_loss, presence_loss
from lesion_tracker.training.run.processes import device_of, share_gradients
from lesion_tracker.training.run.settings import TrainingSettings
from lesion_tracker.training.run.step import StepReport, errors_mm

logger = logging.getLogger(__name__)

CALIBRATION_EXAMPLES = 12
"""Examples that measure the statistics of the normalisation before the first step."""


class Trainer:
    """One run of training, on one process or as one of several that share gradients.

    Args:
        settings: of the run.
        net: to train; its weights are replaced by those of a checkpoint where there is one.
        examples: numbered; step n uses example n. With batches of B on P processes it uses B P of them, from n B P on, and
            process k the k-th B of these: the same as one process with batches of B P.
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
        self.device = device_of(settings.run.device)
        self.net: TrackerNet = net.to(self.device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        decayed = [p for p in net.parameters() if p.ndim > 1]
        others = [p for p in net.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": settings.optimiser.weight_decay},
            {"params": others, "weight_decay": 0.0, "factor": settings.optimiser.scale_factor},
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
            FileFormatError: if the checkpoint is torn or belongs to another network.
        """
        state = read_checkpoint(self.settings.run.output)
        if state is None:
            return False
        if NetworkConfig.from_json(state["network"]) != self.net.config:
            raise FileFormatError(
                f"the checkpoint in {self.settings.run.output} is of another network: {state['network']}"
            )
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        self.step = int(state["step"])
        for change in changed_settings(state.get("settings", {}), self.settings):
            logger.warning("the run goes on with other settings than it began with: %s", change)
        logger.info("going on from step %d of %s", self.step, self.settings.run.output)
        return True

    def save(self) -> bool:
        """Write a checkpoint; a failed write leaves the last good one and returns False."""
        state: dict[str, Any] = {
            "step": self.step,
            "network": self.net.config.to_json(),
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "settings": self.settings.model_dump(mode="json"),
        }
        return write_checkpoint(self.settings.run.output, state)

    def run(self, report: Callable[[StepReport], None], saved: Callable[[], None] = lambda: None) -> None:
        """Train to the last step, with checkpoints on the way and one at the end.

        Args:
            report: called after each step.
            saved: called after each checkpoint but the last.
        """
        started, first, written = time.monotonic(), self.step, time.monotonic()
        stream = self._stream()
        while self.step < self.settings.optimiser.steps:
            rate = self.settings.optimiser.rate_of(self.step)
            loss, errors, example, logits = self._train_on(stream)
            self.step += 1
            pace = (time.monotonic() - started) / (self.step - first)
            left = pace * (self.settings.optimiser.steps - self.step)
            error = float(np.mean(errors)) if errors else math.nan
            report(StepReport(self.step, loss, error, rate, left, example, logits))
            if self.process == 0 and time.monotonic() - written > self.settings.run.checkpoint_seconds:
                self.save()
                saved()
                written = time.monotonic()
        if self.process == 0:
            self.save()

    def averaged_net(self) -> TrackerNet:
        """Return a copy of the network with the averaged weights, in evaluation mode: the one to publish."""
        net = TrackerNet(self.net.config)
        net.load_state_dict({name: value.cpu() for name, value in self.average.items()})
        return net.eval()

    def _stream(self) -> Iterator[Example]:
        workers = self.settings.run.workers
        return iter(
            DataLoader(
                self.examples,
                batch_size=None,
                sampler=self._numbers(),
                num_workers=workers,
                prefetch_factor=3 if workers else None,
                worker_init_fn=_quiet_worker if workers else None,
            )
        )

    def _numbers(self) -> list[int]:
        batch = self.settings.optimiser.batch
        starts = range(
            (self.step * self.processes + self.process) * batch,
            self.settings.optimiser.steps * self.processes * batch,
            self.processes * batch,
        )
        return [start + n for start in starts for n in range(batch)]

    def _forward(self, example: Example) -> NetOutput:
        inputs = example.inputs.to(self.device)
        autocast = self.settings.run.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16) if autocast else nullcontext():
            return self.net.answer(inputs)

    def _train_on(self, stream: Iterator[Example]) -> tuple[float, list[float], Example, torch.Tensor]:
        optimiser = self.settings.optimiser
        for group in self.optimiser.param_groups:
            group["lr"] = optimiser.rate_of(self.step) * group.get("factor", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        losses, errors = [], []
        for _ in range(optimiser.batch):
            example = next(stream)
            output = self._forward(example)
            loss = example_loss(output.logits, example, optimiser)
            if output.presence is not None:
                loss = loss + optimiser.presence_weight * presence_loss(output.presence, example)
            (loss / optimiser.batch).backward()  # type: ignore[no-untyped-call]
            losses.append(float(loss.detach()))
            errors.extend(errors_mm(output.logits, example))
        share_gradients(self.net, self.processes)
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), optimiser.clip)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        else:
            logger.warning("step %d: the gradient is not finite; step left out", self.step)
        self._average()
        return float(np.mean(losses)), errors, example, output.logits.detach()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.settings.optimiser.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.net.state_dict().items():
            self.average[name].lerp_(value, 1 - decay)


def _quiet_worker(_: int) -> None:
    torch.set_num_threads(1)
    os.nice(1)
