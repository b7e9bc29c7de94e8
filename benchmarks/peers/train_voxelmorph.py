"""`python -m benchmarks.peers.train_voxelmorph`: train VoxelMorph on constructed pairs, without any truth."""

import argparse
import logging
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers.voxelmorph_data import BaseStudy, Crops, base_study, draw_crops, read_studies
from benchmarks.peers.voxelmorph_loop import CLIP, DECAY, EMA, LEARNING_RATE, WARMUP, Data, Run
from benchmarks.peers.voxelmorph_loss import FLAT, SCALES, SMOOTHNESS, WINDOW
from benchmarks.peers.voxelmorph_net import SPACING_MM, RegistrationNet, displacement
from benchmarks.peers.voxelmorph_weights import save_weights
from lesion_tracker.errors import LesionTrackerError
from lesion_tracker.network.precision import choose_device
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.run.card import hardware
from lesion_tracker.training.run.checkpoint import only_run

logger = logging.getLogger(__name__)

STEPS, SEED = 1000, 1
VALIDATION_PAIRS, VALIDATION_POINTS = 6, 200


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
