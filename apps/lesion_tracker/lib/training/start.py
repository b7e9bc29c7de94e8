"""Everything that a run needs before its first step: the network, the examples, and all that could be wrong with them."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from lib.errors import FileFormatError, InputError
from lib.network.inflation import inflate_densenet
from lib.network.tracker_net import TrackerNet
from lib.network.weights import load_tracker
from lib.training.draw import RegistrationErrors
from lib.training.examples import ConstructedExamples, Example
from lib.training.mixture import MixedExamples
from lib.training.pairs import PreparedPair, read_prepared_pairs
from lib.training.proposals import read_proposals
from lib.training.settings import TrainingSettings
from lib.training.studies import PreparedStudy, read_index, read_prepared
from lib.training.supervised import SupervisedExamples

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RunData:
    """What a run reads.

    Args:
        studies: to train on.
        validation: never trained on.
        pairs: marked in both studies.
        errors: of registration.
    """

    studies: list[PreparedStudy]
    validation: list[PreparedStudy]
    pairs: list[PreparedPair]
    errors: RegistrationErrors


def read_data(settings: TrainingSettings) -> RunData:
    """Read what the settings name, and refuse what could not be trained on, with the name and the value.

    Raises:
        FileFormatError: for missing, torn or unknown data.
        InputError: if there is nothing to train on, or nothing to validate on although that is asked for.
    """
    data = settings.data
    index = read_index(data.folder)
    there = [entry["name"] for entry in index["studies"]]
    names = data.studies or tuple(name for name in there if name not in data.validation)
    studies = read_prepared(data.folder, names)
    if data.proposals is not None:
        studies = with_proposals(studies, data.proposals)
    pairs = read_prepared_pairs(data.folder, data.supervised) if data.supervised_share > 1e-9 else []
    found = RunData(studies, read_prepared(data.folder, data.validation), pairs, _errors(settings, index))
    _require_examples(settings, found)
    if settings.run.validate_every and not found.validation:
        raise InputError(
            f"run.validate_every is {settings.run.validate_every}, but data.validation names no study to validate on"
        )
    return found


def with_proposals(studies: list[PreparedStudy], path: Path) -> list[PreparedStudy]:
    """Give each study a detector's findings; studies that the file does not name keep drawn points."""
    found = read_proposals(path, {study.name: study.volume.grid for study in studies})
    return [replace(study, proposals=found.get(study.name, study.proposals)) for study in studies]


def _errors(settings: TrainingSettings, index: dict[str, object]) -> RegistrationErrors:
    try:
        measured = np.array(index.get("registration_errors_mm", []), dtype=np.float64).reshape(-1, 3)
    except (TypeError, ValueError):
        measured = np.full((1, 3), np.nan)
    if not np.isfinite(measured).all():
        raise FileFormatError(f"{settings.data.folder}: registration_errors_mm must be rows of three finite numbers")
    return RegistrationErrors(measured, settings.data.registration_tail)


def _require_examples(settings: TrainingSettings, found: RunData) -> None:
    data = settings.data
    if data.constructed + data.self_supervised > 0 and not found.studies:
        raise InputError(f"{data.folder} holds no study to train on: data.validation takes {list(data.validation)}")
    if data.supervised_share > 1e-9 and not found.pairs:
        raise InputError(
            f"a share of {data.supervised_share:g} of the steps is supervised (1 - data.constructed - "
            f"data.self_supervised), but {data.folder} holds no pairs: prepare them with --pairs"
        )


def examples_of(settings: TrainingSettings, data: RunData) -> Dataset[Example]:
    """Return the run's numbered examples of all kinds."""
    scenario, n, sigma = settings.scenario.build(), settings.network.heat_map_n, settings.optimiser.place_sigma_mm
    seed, shares = settings.run.seed, settings.data
    kinds: dict[str, tuple[Dataset[Example], float]] = {}
    if shares.constructed > 0:
        length = settings.optimiser.steps
        constructed = ConstructedExamples(data.studies, data.errors, scenario, n, sigma, seed, length)
        kinds["constructed"] = (constructed, shares.constructed)
    if shares.self_supervised > 0:
        from lib.training.self_supervised import (
            SelfSupervisedExamples,
        )  # imports MONAI: seconds that others need not pay

        augmented = SelfSupervisedExamples(data.studies, data.errors, scenario, n, sigma, seed)
        kinds["self_supervised"] = (augmented, shares.self_supervised)
    if shares.supervised_share > 1e-9:
        marked = SupervisedExamples(data.pairs, data.errors, scenario, n, sigma, seed)
        kinds["supervised"] = (marked, shares.supervised_share)
    return MixedExamples(kinds, seed)


def new_net(settings: TrainingSettings) -> tuple[TrackerNet, bool]:
    """Return the network to start from, and whether the statistics of its normalisation are still to be measured.

    Raises:
        WeightsError: for initial or ImageNet weights that are missing or torn.
        InputError: for initial weights of other sizes than the settings ask for.
    """
    torch.manual_seed(settings.run.seed)
    net = TrackerNet(settings.network.build())
    if settings.run.initial_weights is not None:
        start = load_tracker(settings.run.initial_weights, "cpu").net
        if start.config != net.config:
            raise InputError(f"run.initial_weights are of {start.config}, the settings ask for {net.config}")
        logger.info("starting from the weights in %s", settings.run.initial_weights)
        return start.train(), False
    if settings.run.imagenet is not None:
        inflate_densenet(settings.run.imagenet, net.psi)
        logger.info("starting from the ImageNet weights %s", settings.run.imagenet)
    return net, True
