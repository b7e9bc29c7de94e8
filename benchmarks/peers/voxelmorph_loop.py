"""The training run of VoxelMorph: resumable to the step, deterministic from its seed, with averaged weights."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers.voxelmorph_data import CROP_VOXELS, BaseStudy, draw_crops, mirrored
from benchmarks.peers.voxelmorph_loss import registration_loss
from benchmarks.peers.voxelmorph_net import RegistrationNet, Sizes, windowed
from lesion_tracker.errors import FileFormatError
from lesion_tracker.registration.working import EMPTY_HU
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.run.checkpoint import read_checkpoint, write_checkpoint

logger = logging.getLogger(__name__)

LEARNING_RATE, WARMUP, DECAY = 1e-3, 50, 0.4
"""Rises over so many steps, falls to 0 over the last share of the run: as for the other peers."""
CLIP, EMA = 1.0, 0.997
CHECKPOINT_S = 60.0
REPORT_EVERY = 20


@dataclass(frozen=True, eq=False)
class Data:
    """What a run reads.

    Args:
        studies: to learn from.
        held_out: to validate on.
        errors: of registration.
    """

    studies: list[BaseStudy]
    held_out: list[BaseStudy]
    errors: RegistrationErrors


class Run:
    """One training, resumable to the step: pair n of a seed is always the same.

    Args:
        data: what to learn from.
        out: folder of the checkpoint.
        steps: of the whole run.
        seed: of everything.
        device: to compute on.
        voxels: of a crop along z, y, x.
        sizes: of the network.
    """

    def __init__(
        self,
        data: Data,
        out: Path,
        steps: int,
        seed: int,
        device: torch.device,
        voxels: tuple[int, int, int] = CROP_VOXELS,
        sizes: Sizes | None = None,
    ) -> None:
        self.data, self.out, self.steps, self.seed, self.device, self.voxels = data, out, steps, seed, device, voxels
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = RegistrationNet(sizes or Sizes()).to(device)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=LEARNING_RATE)
        self.average = {key: value.detach().clone() for key, value in self.net.state_dict().items()}
        self.step, self.seconds = 0, 0.0

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree in, so that a run that went on ends as one that was never stopped."""
        names = [study.name for study in self.data.studies]
        return {"seed": self.seed, "steps": self.steps, "voxels": list(self.voxels), "studies": names,
                "config": self.net.sizes.to_json()}  # fmt: skip

    def resume(self) -> bool:
        """Go on from the checkpoint; say whether there was one.

        Raises:
            FileFormatError: if it is torn or of another run.
        """
        state = read_checkpoint(self.out)
        if state is None:
            return False
        for key, value in self.identity.items():
            if state["identity"].get(key) != value:
                raise FileFormatError(
                    f"the checkpoint in {self.out} is of another run: {key} is {state['identity'].get(key)!r}, not {value!r}"
                )
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = {key: value.to(self.device) for key, value in state["average"].items()}
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        return True

    def save(self) -> None:
        """Write a checkpoint; on a full disk the last good one stays."""
        state = {"identity": self.identity, "net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(),
                 "average": self.average, "step": self.step, "seconds": self.seconds}  # fmt: skip
        write_checkpoint(self.out, state)

    def train(self, until: int | None = None) -> None:
        """Train up to a step, by default the last."""
        saved, losses = time.monotonic(), []
        while self.step < min(self.steps, self.steps if until is None else until):
            started = time.monotonic()
            losses.append(self._step())
            self.step += 1
            self.seconds += time.monotonic() - started
            if self.step % REPORT_EVERY == 0:
                logger.info("step %d of %d: loss %.4f, %.2f s a step", self.step, self.steps, np.mean(losses),
                            self.seconds / self.step)  # fmt: skip
                losses = []
            if time.monotonic() - saved > CHECKPOINT_S:
                self.save()
                saved = time.monotonic()
        self.save()

    def averaged(self) -> RegistrationNet:
        """Return the network with the averaged weights, ready to answer."""
        net = RegistrationNet(self.net.sizes)
        net.load_state_dict({key: value.cpu() for key, value in self.average.items()})
        return net.to(self.device).eval()

    def _step(self) -> float:
        rng = np.random.default_rng([self.seed, self.step])
        images = mirrored(draw_crops(self.data.studies, self.data.errors, rng, self.voxels), rng)
        fixed, moving = (windowed(hu.to(self.device)) for hu in images)
        body = (images[0] > EMPTY_HU)[None, None].to(fixed)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.steps)
        self.optimiser.zero_grad(set_to_none=True)
        shift = self.net(fixed, moving)
        loss = registration_loss(fixed, self.net.warp(moving, shift), body, shift)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        else:
            logger.warning("step %d: the gradient is not finite; step left out", self.step)
        share = 1 - min(EMA, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.net.state_dict().items():
                self.average[key].lerp_(value, share)
        return float(loss.detach())


def learning_rate(step: int, steps: int) -> float:
    """Return the learning rate of a step."""
    fall = min(1.0, (steps - step) / max(1.0, DECAY * steps))
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP) * fall
