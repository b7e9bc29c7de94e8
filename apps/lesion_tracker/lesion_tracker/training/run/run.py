"""One run from its settings to weights with a card: start or go on, train, validate, save."""

import logging
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from lesion_tracker.errors import InputError, LesionTrackerError
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
    results = _Results(settings, data, trainer, command, processes.count)
    run = settings.run
    display = (
        Display(run.output, settings.optimiser.steps, trainer.step, run.picture_every) if processes.first else None
    )

    def report(step: StepReport) -> None:
        if display is None:
            return
        display.step(step)
        if run.validate_every and step.step % run.validate_every == 0 and step.step < settings.optimiser.steps:
            display.validation(step.step, results.validated())

    trainer.run(report, results.try_to_write)
    if display is None:
        return
    results.write(None)
    if data.validation:  # after the weights: nothing that goes wrong here may cost them
        last = results.validated()
        display.validation(trainer.step, last)
        results.write(last)
    display.close()


@dataclass(frozen=True, eq=False)
class _Results:
    """What a run leaves: averaged weights with their card, at each checkpoint and at the end."""

    settings: TrainingSettings
    data: RunData
    trainer: Trainer
    command: str
    processes: int

    def write(self, figures: Validation | None) -> None:
        """Write the averaged weights with a card; an InputError or a WeightsError says why they could not be."""
        folder = self.settings.run.output / MODEL_FOLDER
        card = run_card(self.settings, self.data, self.command, self.trainer.step, self.processes, figures)
        try:
            saved = save_tracker(self.trainer.averaged_net(), folder, card)
        except OSError as error:
            raise InputError(f"the weights cannot be written to {folder}: {error.strerror}") from None
        logger.info("wrote %s (%.1f MB)", folder, saved["bytes"] / 1e6)

    def try_to_write(self) -> None:
        """Write the weights of a checkpoint; a full disk costs these, not the run."""
        try:
            self.write(None)
        except LesionTrackerError as error:
            logger.error("%s; the run goes on", error)

    def validated(self) -> Validation:
        """Return what the averaged weights are worth on the validation pairs."""
        tracker = tracker_from_net(self.trainer.averaged_net(), name="in training", device=str(self.trainer.device))
        run = self.settings.run
        return validate(tracker, self.data.validation, self.data.errors, self.settings.scenario, run.validation_pairs)
