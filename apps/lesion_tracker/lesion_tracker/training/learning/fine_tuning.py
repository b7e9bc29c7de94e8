"""Fine-tuning: the training loop on what readers taught, with pairs that are made from the same studies alone: replay."""

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.precision import choose_dtype
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.kinds import kinds_of
from lesion_tracker.training.examples.numbered import NumberedExamples
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.learning.taught_pairs import TaughtPair
from lesion_tracker.training.run.loop import Trainer
from lesion_tracker.training.run.processes import device_of
from lesion_tracker.training.run.settings import (
    DataSection,
    OptimiserSection,
    RunSection,
    TrainingSettings,
)
from lesion_tracker.training.run.step import StepReport

TIMED_STEPS = 2
"""Steps that are timed before training, after one that is not."""

CROPS = ScenarioSettings(
    template_voxels=(112, 112, 20), search_voxels=((112, 112, 40), (128, 128, 32), (96, 96, 48)), lesions=5
)
"""Smaller than those of training from scratch: twice as many steps in the same time."""

MOVING = 0.5
"""Share of the constructed follow-ups in which a region moved by itself: what readers have to correct most."""


@dataclass(frozen=True)
class FineTuningSettings:
    """How the published weights are changed.

    Args:
        steps: of all trainings together; they are shared out evenly.
        minutes: that all trainings together may take; where the machine is too slow for `steps`, fewer are taken.
        learning_rate: after the warm-up.
        scale_factor: of the learning rate, for scales and offsets of the normalisations: what another scanner changes
            most, and what a few examples can teach without harm.
        replay: share of steps on self-supervised pairs of the same studies.
        constructed: share of steps on constructed follow-ups of the same studies: regions that move by themselves and
            implants, as the scanner of those studies shows them.
        seed: of everything drawn.
        device: "auto", "cpu" or "cuda".
        threads: of torch on the processor.
        place_sigma_mm: width of the place's target.
        scenario: of the crops.
    """

    steps: int = 600
    minutes: float = 10.0
    learning_rate: float = 5e-4
    scale_factor: float = 3.0
    replay: float = 0.2
    constructed: float = 0.4
    seed: int = 0
    device: str = "auto"
    threads: int = 1
    place_sigma_mm: float = 3.5
    scenario: ScenarioSettings = field(default_factory=lambda: CROPS)


def fine_tune(
    parent: Tracker,
    taught: Sequence[TaughtPair],
    settings: FineTuningSettings,
    folder: Path,
    report: Callable[[StepReport], None],
) -> TrackerNet:
    """Train a copy of the published network.

    Args:
        parent: published weights; they stay as they are.
        taught: to learn from; at least one.
        settings: `steps` are those of this training.
        folder: of its checkpoint; what lies there is removed first.
        report: called after each step.

    Returns:
        The averaged weights, on the CPU, in evaluation mode.
    """
    shutil.rmtree(folder, ignore_errors=True)
    trainer = _trainer(parent, taught, settings, folder)
    trainer.run(report)
    return trainer.averaged_net()


def part_of_the_way(parent: Tracker, net: TrackerNet, share: float) -> TrackerNet:
    """Return weights between the published ones and the trained ones.

    They keep most of what was learned and lose less of what was known (Wortsman et al., Robust fine-tuning of zero-shot
    models, CVPR 2022).

    Args:
        parent: the published weights.
        net: trained from them.
        share: of the way, 0 to 1.

    Returns:
        A new network on the CPU, in evaluation mode.
    """
    old, new = parent.net.state_dict(), net.state_dict()
    between = {
        name: old[name].detach().cpu().lerp(value.detach().cpu(), share) if value.is_floating_point() else value
        for name, value in new.items()
    }
    blended = TrackerNet(net.config)
    blended.load_state_dict(between)
    return blended.eval()


def affordable_steps(parent: Tracker, taught: Sequence[TaughtPair], settings: FineTuningSettings, folder: Path) -> int:
    """Return how many steps fit into the minutes of the settings here, at most its steps; three steps are timed.

    Args:
        parent: published weights.
        taught: to learn from; at least one.
        settings: of the run.
        folder: of the timed training's checkpoint; what lies there is removed first.
    """
    moments = [time.monotonic()]

    def remember(_: StepReport) -> None:
        moments.append(time.monotonic())

    fine_tune(parent, taught, replace(settings, steps=1 + TIMED_STEPS), folder, remember)
    seconds = (moments[-1] - moments[1]) / TIMED_STEPS
    return max(1, min(settings.steps, math.floor(60.0 * settings.minutes / max(seconds, 1e-6))))


def _trainer(parent: Tracker, taught: Sequence[TaughtPair], settings: FineTuningSettings, folder: Path) -> Trainer:
    net = TrackerNet(parent.config)
    net.load_state_dict({name: value.detach().cpu() for name, value in parent.net.state_dict().items()})
    examples = taught_examples(taught, settings, parent.config.heat_map_n)
    return Trainer(_training_settings(parent.config, settings, folder), net.train(), examples)


def taught_examples(taught: Sequence[TaughtPair], settings: FineTuningSettings, heat_map_n: float) -> NumberedExamples:
    """Return numbered examples: taught lesions in both directions, and follow-ups that are made from the same studies.

    Args:
        taught: at least one.
        settings: the shares of both, the crops and the seed.
        heat_map_n: of the network: standard deviation of the anatomy signals in radii.
    """
    pairs = [one.pair for one in taught]
    studies = [study for pair in pairs for study in (pair.baseline, pair.followup)]
    shares = {
        "supervised": 1.0 - settings.replay - settings.constructed,
        "self_supervised": settings.replay,
        "constructed": settings.constructed,
    }
    no_errors = RegistrationErrors(np.zeros((0, 3)))
    kinds = kinds_of(shares, studies, pairs, no_errors, replace(settings.scenario, moving=MOVING))
    return NumberedExamples(kinds, heat_map_n, settings.place_sigma_mm, settings.seed)


def _training_settings(config: NetworkConfig, settings: FineTuningSettings, folder: Path) -> TrainingSettings:
    device = device_of(settings.device)
    short = str(choose_dtype(device)).endswith("bfloat16")
    return TrainingSettings(
        data=DataSection(folder=folder, constructed=settings.constructed, self_supervised=settings.replay),
        run=RunSection(
            output=folder,
            seed=settings.seed,
            device="cuda" if device.type == "cuda" else "cpu",
            precision="bfloat16" if short else "float32",
            threads=settings.threads,
            workers=0,
            picture_every=0,
        ),
        network=config,
        optimiser=OptimiserSection(
            steps=settings.steps,
            learning_rate=settings.learning_rate,
            scale_factor=settings.scale_factor,
            warmup=min(10, settings.steps // 4),
            decay=0.5,
            ema=0.97,
            place_sigma_mm=settings.place_sigma_mm,
        ),
    )
