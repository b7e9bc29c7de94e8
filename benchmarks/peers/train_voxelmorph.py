"""`python -m benchmarks.peers.train_voxelmorph`: train VoxelMorph on constructed pairs, without any truth."""

import argparse
import logging
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers.voxelmorph_data import (
    CROP_VOXELS,
    BaseStudy,
    Crops,
    base_study,
    draw_crops,
    mirrored,
    read_studies,
)
from benchmarks.peers.voxelmorph_loss import FLAT, SCALES, SMOOTHNESS, WINDOW, registration_loss
from benchmarks.peers.voxelmorph_net import SPACING_MM, RegistrationNet, Sizes, displacement, windowed
from benchmarks.peers.voxelmorph_weights import save_weights
from lesion_tracker.errors import FileFormatError, LesionTrackerError
from lesion_tracker.network.precision import choose_device
from lesion_tracker.registration.working import EMPTY_HU
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.run.card import hardware
from lesion_tracker.training.run.checkpoint import only_run, read_checkpoint, write_checkpoint

logger = logging.getLogger(__name__)

STEPS, SEED = 1000, 1
LEARNING_RATE, WARMUP, DECAY = 1e-3, 50, 0.4
"""Rises over so many steps, falls to 0 over the last share of the run: as for the other peers."""
CLIP, EMA = 1.0, 0.997
CHECKPOINT_S = 60.0
REPORT_EVERY = 20
VALIDATION_PAIRS, VALIDATION_POINTS = 6, 200


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


def validated(net: RegistrationNet, data: Data, seed: int) -> dict[str, float] | None:
    """Return mean distances in mm to the true places on pairs of held-out studies; None without any."""
    if not data.held_out:
        return None
    before, after = [], []
    for number in range(VALIDATION_PAIRS):
        rng = np.random.default_rng([seed, number, 1])
        study = data.held_out[number % len(data.held_out)]
        crops = draw_crops([study], data.errors, rng)
        errors = _errors_mm(net, crops, study, rng)
        before.append(errors[0])
        after.append(errors[1])
    return {"pairs": VALIDATION_PAIRS, "unregistered_mm": round(float(np.mean(before)), 3),
            "registered_mm": round(float(np.mean(after)), 3)}  # fmt: skip


def _errors_mm(net: RegistrationNet, crops: Crops, study: BaseStudy, rng: np.random.Generator) -> tuple[float, float]:
    points = study.body_mm[rng.permutation(len(study.body_mm))]
    points = points[crops.grid.contains(points, -8.0)][:VALIDATION_POINTS]
    truth = crops.true_shift(points)
    index = np.round(crops.grid.indices_from_lps(points)).astype(int)[:, ::-1]
    found = displacement(net, crops.fixed.numpy(), crops.moving.numpy())[tuple(index.T)][:, ::-1] * SPACING_MM
    return float(np.linalg.norm(truth, axis=1).mean()), float(np.linalg.norm(truth - found, axis=1).mean())


def read_data(folder: Path) -> Data:
    """Read prepared studies.

    Raises:
        FileFormatError: if there is none to learn from, or one is torn.
    """
    studies, held_out, errors = read_studies(folder)
    return Data(
        [base_study(study) for study in studies],
        [base_study(study) for study in held_out],
        RegistrationErrors(errors, tail=0.0),
    )


def card_of(run: Run, command: str, validation: dict[str, float] | None) -> dict[str, Any]:
    """Return what the card says about the training."""
    return {
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command,
        "steps": run.step,
        "seed": run.seed,
        "studies": [study.name for study in run.data.studies],
        "pairs": "each study against its own copy, bent, shifted by errors of registration, with another look",
        "crop_voxels": list(run.voxels),
        "loss": f"local normalised cross-correlation ({WINDOW} voxels, flat below {FLAT}) on voxels of "
        f"{', '.join(f'{SPACING_MM * scale:.0f}' for scale in SCALES)} mm + {SMOOTHNESS} diffusion; no truth is used",
        "optimiser": {"name": "Adam", "learning_rate": LEARNING_RATE, "warmup": WARMUP, "decay": DECAY, "clip": CLIP,
                      "ema": EMA, "batch": 1},
        "seconds": round(run.seconds),
        "hardware": hardware(1),
        "validation": validation,
        "limits": "Research use only; not a medical device. CT only.",
    }  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Train; 2 where data are missing or a checkpoint cannot be used."""
    args = _arguments(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    torch.set_num_threads(args.threads)
    given = sys.argv[1:] if words is None else list(words)
    command = shlex.join(["python", "-m", "benchmarks.peers.train_voxelmorph", *given])
    try:
        data = read_data(args.data)
        with only_run(args.out):
            run = Run(data, args.out, args.steps, args.seed, choose_device(args.device))
            if run.resume():
                logger.info("going on from step %d", run.step)
            run.train()
            net = run.averaged()
            card = save_weights(net, args.out / "model", card_of(run, command, validated(net, data, args.seed)))
    except (LesionTrackerError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{args.out / 'model'}: {card['bytes']} bytes, {card['steps']} steps, validation {card['validation']}")
    return 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.train_voxelmorph", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="what `main.py prepare` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; the weights lie in its model/")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    args = parser.parse_args(words)
    if args.steps < 1 or args.threads < 1:
        parser.error(f"--steps {args.steps} and --threads {args.threads} must be at least 1")
    return args


if __name__ == "__main__":
    sys.exit(main())
