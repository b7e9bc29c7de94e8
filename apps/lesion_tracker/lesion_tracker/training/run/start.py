"""Everything that a run needs before its first step: the network, the examples, and all that could be wrong with them."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from lesion_tracker.errors import InputError, LesionTrackerError
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.network.inflation import inflate_densenet
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import load_tracker
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.kinds import SMALLEST_SHARE, kinds_of
from lesion_tracker.training.examples.numbered import NumberedExamples
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.prepared.prepared_pair import PreparedPair, read_prepared_pairs
from lesion_tracker.training.prepared.prepared_study import STRUCTURE_HU, PreparedStudy, read_index, read_prepared
from lesion_tracker.training.prepared.proposals import read_proposals
from lesion_tracker.training.run.settings import TrainingSettings

logger = logging.getLogger(__name__)

TRIALS = 3
"""A study is refused where so many times 50 draws in a row hold no usable lesion."""


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
        InputError: if there is nothing to train on, a study that gives no example, or nothing to validate on although
            `validate_every = 0` is not written.
    """
    data = settings.data
    with _blaming("data.folder"):
        index = read_index(data.folder)
    there = [entry["name"] for entry in index["studies"]]
    names = data.studies or tuple(name for name in there if name not in data.validation)
    with _blaming("data.studies" if data.studies else "data.folder"):
        studies = read_prepared(data.folder, names)
    with _blaming("data.validation"):
        validation = read_prepared(data.folder, data.validation)
    if data.proposals is not None:
        studies = with_proposals(studies, data.proposals)
    with _blaming("data.supervised"):
        pairs = read_prepared_pairs(data.folder, data.supervised) if data.supervised_share > SMALLEST_SHARE else []
    found = RunData(studies, validation, pairs, _errors(settings, index))
    _require_validation(settings)
    _require_examples(settings, found)
    return found


@contextmanager
def _blaming(key: str) -> Iterator[None]:
    """Put the key of the configuration before the message of an error."""
    try:
        yield
    except LesionTrackerError as error:
        raise type(error)(f"{key}: {error}") from None


def _require_validation(settings: TrainingSettings) -> None:
    """Refuse a run without validation studies, unless its settings say that none is wanted."""
    if settings.data.validation:
        return
    every = settings.run.validate_every
    if every or "validate_every" not in settings.run.model_fields_set:
        raise InputError(
            f"run.validate_every is {every}, but data.validation names no study to validate on: name one, or write "
            "validate_every = 0 for a run without validation"
        )
    logger.warning("data.validation names no study: there will be no validation figures")


def with_proposals(studies: list[PreparedStudy], path: Path) -> list[PreparedStudy]:
    """Give each study a detector's findings; studies that the file does not name keep drawn points."""
    found = read_proposals(path, {study.name: study.volume.grid for study in studies})
    return [replace(study, proposals=found.get(study.name, study.proposals)) for study in studies]


def _errors(settings: TrainingSettings, index: dict[str, object]) -> RegistrationErrors:
    measured = np.array(index["registration_errors_mm"], dtype=np.float64).reshape(-1, 3)
    if not len(measured):
        logger.warning(
            "data.folder: %s holds no registration errors: Gaussians of 0.5 to 6 mm are drawn instead; "
            "measure them with prepare --registration-errors",
            settings.data.folder,
        )
    return RegistrationErrors(measured, settings.data.registration_tail)


def _require_examples(settings: TrainingSettings, found: RunData) -> None:
    data = settings.data
    if data.constructed + data.self_supervised > 0 and not found.studies:
        raise InputError(
            f"data.folder: {data.folder} holds no study to train on: data.validation takes {list(data.validation)}"
        )
    if data.supervised_share > SMALLEST_SHARE and not found.pairs:
        raise InputError(
            f"a share of {data.supervised_share:g} of the steps is supervised (1 - data.constructed - "
            f"data.self_supervised), but {data.folder} holds no pairs: prepare them with --pairs"
        )
    scenario = settings.scenario
    if data.constructed + data.self_supervised > 0:
        wanted = scenario if data.constructed > 0 else replace(scenario, implant=0.0)
        _require_pairs("data.studies", found.studies, found.errors, wanted)
    _require_pairs("data.validation", found.validation, found.errors, scenario.all_there)


def _require_pairs(
    key: str, studies: Sequence[PreparedStudy], errors: RegistrationErrors, scenario: ScenarioSettings
) -> None:
    """Draw one pair of each study, so that a useless one is named before the first step."""
    for study in studies:
        for seed in range(TRIALS):
            try:
                draw_constructed_pair([study], errors, scenario, np.random.default_rng([seed]))
            except ValueError:
                continue
            break
        else:
            raise InputError(
                f"{key}: no example can be drawn from {study.name!r} of {study.volume.grid.size} voxels: either no "
                f"place in it has structure (HU that vary by {STRUCTURE_HU:g}), or it is much smaller than the crops "
                f"(scenario.template_voxels {scenario.template_voxels})"
            )


def examples_of(settings: TrainingSettings, data: RunData) -> NumberedExamples:
    """Return the run's numbered examples of all kinds."""
    shares = {
        "constructed": settings.data.constructed,
        "self_supervised": settings.data.self_supervised,
        "supervised": settings.data.supervised_share,
    }
    kinds = kinds_of(shares, data.studies, data.pairs, data.errors, settings.scenario)
    return NumberedExamples(kinds, settings.network.heat_map_n, settings.optimiser.place_sigma_mm, settings.run.seed)


def new_net(settings: TrainingSettings) -> tuple[TrackerNet, bool]:
    """Return the network to start from, and whether the statistics of its normalisation are still to be measured.

    Raises:
        WeightsError: for initial or ImageNet weights that are missing or torn.
        InputError: for initial weights of other sizes than the settings ask for.
    """
    torch.manual_seed(settings.run.seed)
    net = TrackerNet(settings.network)
    if settings.run.initial_weights is not None:
        with _blaming("run.initial_weights"):
            start = load_tracker(settings.run.initial_weights, "cpu").net
        if start.config != net.config and not settings.run.fitting:
            raise InputError(
                f"run.initial_weights are of {start.config}, the settings ask for {net.config}; run.fitting takes what fits"
            )
        left = _take_fitting(net, start)
        logger.info("starting from the weights in %s; %d tensors start anew", settings.run.initial_weights, len(left))
        return net, any(name.endswith(".variance") for name in left)
    if settings.run.imagenet is not None:
        if not isinstance(net.psi, DenseFPN):
            raise InputError(
                f"run.imagenet is inflated into a dense_fpn, but network.backbone is {net.config.backbone!r}"
            )
        with _blaming("run.imagenet"):
            inflate_densenet(settings.run.imagenet, net.psi)
        logger.info("starting from the ImageNet weights %s", settings.run.imagenet)
    return net, True


def _take_fitting(net: TrackerNet, start: TrackerNet) -> list[str]:
    """Fill a network with the tensors of another one that have its names and shapes; return the names of the others."""
    wanted, given = net.state_dict(), start.state_dict()
    fitting = {name: value for name, value in given.items() if name in wanted and wanted[name].shape == value.shape}
    net.load_state_dict({**wanted, **fitting})
    return sorted(wanted.keys() - fitting.keys())
