"""One run from its settings to weights with a card: start or go on, train, validate, save."""

import logging
from contextlib import nullcontext
from typing import Any

import torch

from lesion_tracker.errors import InputError
from lesion_tracker.network.tracker import tracker_from_net
from lesion_tracker.network.weights import save_tracker
from lesion_tracker.training.run.card import run_card
from lesion_tracker.training.run.checkpoint import only_run
from lesion_tracker.training.run.loop import Trainer
from lesion_tracker.training.run.processes import Processes, device_of, joined_processes, share_weights
from lesion_tracker.training.run.settings import TrainingSettings
from lesion_tracker.training.run.show import Display
from lesion_tracker.training.run.start import RunData, examples_of, new_net, read_data
from lesion_tracker.training.run.step import StepReport
from lesion_tracker.training.run.validation import Validation, validate

logger = logging.getLogger(__name__)

MODEL_FOLDER = "model"


def train(settings: TrainingSettings, command: str) -> None:
    """Train to the last step, from the run's checkpoint where there is one, and write the weights.

    Args:
        settings: of the run.
        command: what was typed, for the card.

    Raises:
        InputError: for settings or data that cannot be used, before the first step; or for an output folder that
            another training holds.
        WeightsError: for initial weights that cannot be used, or trained ones that are not finite.
    """
    data = read_data(settings)
    device = device_of(settings.run.device)
    if settings.run.threads:
        torch.set_num_threads(settings.run.threads)
    with joined_processes(device) as processes, only_run(settings.run.output) if processes.first else nullcontext():
        _train(settings, data, processes, command)


def _train(settings: TrainingSettings, data: RunData, processes: Processes, command: str) -> None:
    net, calibrating = new_net(settings)
    trainer = Trainer(settings, net, examples_of(settings, data), processes.count, processes.number)
    if not trainer.resume() and calibrating:
        trainer.calibrate()
    share_weights(trainer.net, processes.count)
    run = settings.run
    display = (
        Display(run.output, settings.optimiser.steps, trainer.step, run.picture_every) if processes.first else None
    )

    def report(step: StepReport) -> None:
        if display is None:
            return
        display.step(step)
        if run.validate_every and step.step % run.validate_every == 0 and step.step < settings.optimiser.steps:
            display.validation(step.step, _validated(settings, data, trainer))

    trainer.run(report)
    if display is None:
        return
    _write_weights(trainer, run_card(settings, data, command, trainer.step, processes.count, None))
    if data.validation:  # after the weights: nothing that goes wrong here may cost them
        last = _validated(settings, data, trainer)
        display.validation(trainer.step, last)
        _write_weights(trainer, run_card(settings, data, command, trainer.step, processes.count, last))
    display.close()


def _write_weights(trainer: Trainer, card: dict[str, Any]) -> None:
    folder = trainer.settings.run.output / MODEL_FOLDER
    try:
        saved = save_tracker(trainer.averaged_net(), folder, card)
    except OSError as error:
        raise InputError(f"the weights cannot be written to {folder}: {error.strerror}") from None
    logger.info("wrote %s (%.1f MB)", folder, saved["bytes"] / 1e6)


def _validated(settings: TrainingSettings, data: RunData, trainer: Trainer) -> Validation:
    tracker = tracker_from_net(trainer.averaged_net(), name="in training", device=str(trainer.device))
    return validate(tracker, data.validation, data.errors, settings.scenario, settings.run.validation_pairs)
