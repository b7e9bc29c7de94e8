"""Train the parts of the rows "detector + embedding": one command, a part a call; the same command goes on after a stop.

python -m benchmarks.peers.train_detector detector-3d --data PREPARED --out RUNS

The weights and their card are written to `weights/<part>` beside this file.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from benchmarks.accuracy.data import CALIBRATION, FINAL
from benchmarks.peers import detector_examples
from benchmarks.peers.detector import DetectorNet, anchors, short_numbers
from benchmarks.peers.detector_loop import LossOf, Run, RunSettings
from benchmarks.peers.detector_targets import detector_loss, targets_of
from benchmarks.peers.detector_weights import save_net
from benchmarks.peers.embedding import EmbeddingNet
from benchmarks.peers.embedding_examples import draw_matching, matching_loss
from lesion_tracker.errors import LesionTrackerError
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.prepared.prepared_study import PreparedStudy, read_index, read_prepared
from lesion_tracker.training.run.card import hardware
from lesion_tracker.training.run.checkpoint import only_run

PARTS = ("detector-3d", "detector-2.5d", "embedding-image-position")
WEIGHTS = Path(__file__).parent / "weights"
NEVER = (*FINAL, *CALIBRATION)
"""Studies that the benchmarks or the calibration are measured on."""

DETECTOR_RATE, EMBEDDING_RATE = 2e-3, 1e-3

MEANING = {
    "detector": (
        "The detector has learned what implants look like: {implants}. Of natural lesions it has seen the {marked} marked "
        "ones of the training studies; all others in them counted as no lesion."
    ),
    "embedding": (
        "The embedding has learned from constructed follow-ups of one study each, with implants ({implants}), places with "
        "structure and {marked} marked natural lesions; it has never seen a natural lesion at two times."
    ),
}
IMPLANTS = "lobulated bodies of one density drawn into the image"


def main(words: Sequence[str] | None = None) -> int:
    """Train one part and write its weights; 2 where data are missing or wrong."""
    args = _arguments(words)
    if args.threads:
        torch.set_num_threads(args.threads)
    rate = DETECTOR_RATE if args.part.startswith("detector") else EMBEDDING_RATE
    settings = RunSettings(steps=args.steps, seed=args.seed, learning_rate=rate)
    try:
        with only_run(args.out / args.part):
            run, studies = prepare(args.part, args.data, args.out / args.part, settings)
            run.start()
            run.run(lambda step, _: _report(step, run.losses))
            run.net.load_state_dict(run.average)
            command = "python -m benchmarks.peers.train_detector " + " ".join(words or sys.argv[1:])
            card = card_of(args.part, studies, run, command)
            save_net(cast("DetectorNet | EmbeddingNet", run.net), args.weights / args.part, card)
    except LesionTrackerError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"weights and card: {args.weights / args.part}")
    return 0


def prepare(part: str, data: Path, folder: Path, settings: RunSettings) -> tuple[Run, list[PreparedStudy]]:
    """Return a part's run before its first step, and what it learns from.

    Raises:
        FileFormatError: for prepared data that are missing or wrong.
    """
    index = read_index(data)
    studies = read_prepared(data, [one["name"] for one in index["studies"] if one["name"] not in NEVER])
    errors = RegistrationErrors(np.array(index.get("registration_errors_mm", []), dtype=np.float64).reshape(-1, 3))
    torch.manual_seed(settings.seed)
    net: DetectorNet | EmbeddingNet
    if part.startswith("detector"):
        net = DetectorNet("3d" if part == "detector-3d" else "2.5d")
        loss_of = _detector_loss_of(net, studies, settings.seed)
    else:
        net = EmbeddingNet(position=True)
        loss_of = _embedding_loss_of(net, studies, errors, settings.seed)
    net.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return Run(net, loss_of, folder, settings), studies


def _detector_loss_of(net: DetectorNet, studies: Sequence[PreparedStudy], seed: int) -> LossOf:
    def loss_of(number: int) -> torch.Tensor:
        shown = detector_examples.draw(studies, net.mode, np.random.default_rng([seed, number]))
        with short_numbers():
            logits, balls = net(shown.image)
        wanted = [targets_of(anchors(g, net.mode), found) for g, found in zip(shown.grids, shown.lesions, strict=True)]
        parts = [detector_loss(*one) for one in zip(logits, balls, wanted, strict=True)]
        return torch.stack(parts).mean()

    return loss_of


def _embedding_loss_of(
    net: EmbeddingNet, studies: Sequence[PreparedStudy], errors: RegistrationErrors, seed: int
) -> LossOf:
    def loss_of(number: int) -> torch.Tensor:
        shown = draw_matching(studies, errors, np.random.default_rng([seed, number]))
        with short_numbers():
            return matching_loss(net, shown)

    return loss_of


def card_of(part: str, studies: Sequence[PreparedStudy], run: Run, command: str) -> dict[str, Any]:
    """Return what the card says beside sizes and hash."""
    marked = sum(len(study.lesions) for study in studies)
    return {
        "name": part,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command,
        "meaning": MEANING[part.split("-")[0]].format(implants=IMPLANTS, marked=marked),
        "steps": len(run.losses),
        "seed": run.settings.seed,
        "settings": asdict(run.settings),
        "loss": {
            "first 100 steps": round(statistics.mean(run.losses[:100]), 4),
            "last 100 steps": round(statistics.mean(run.losses[-100:]), 4),
        },
        "studies": [study.name for study in studies],
        "never_trained_on": list(NEVER),
        "seconds": round(run.seconds, 1),
        "hardware": hardware(1),
        "limits": "Research use only; a row of a benchmark, not part of the product.",
    }


def _report(step: int, losses: Sequence[float]) -> None:
    if step % 20 == 0:
        print(f"{time.strftime('%H:%M:%S')} step {step}: loss {statistics.mean(losses[-20:]):.3f}", flush=True)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers.train_detector",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--data", type=Path, required=True, help="what `main.py prepare` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs' checkpoints")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder that gets a folder a part")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="0: torch's choice")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
