"""The head that says "nothing here" in a run: it learns, starts beside published weights, and is written at checkpoints."""

import logging
from pathlib import Path

import pytest
import torch

from lesion_tracker.errors import InputError
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import load_tracker, save_tracker
from lesion_tracker.training.examples.example import Example
from lesion_tracker.training.run import run as run_module
from lesion_tracker.training.run.loop import Trainer
from lesion_tracker.training.run.run import train
from lesion_tracker.training.run.settings import TrainingSettings, read_settings
from lesion_tracker.training.run.start import new_net
from tests.training.made import made_config, made_examples, made_folder

pytestmark = pytest.mark.usefixtures("one_thread")

HEAD = "blocks = [1, 1, 1]=>presence = true\nblocks = [1, 1, 1]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_folder(tmp_path_factory.mktemp("prepared") / "data")


def settings_of(place: Path, folder: Path, *, steps: int = 4, edit: str = HEAD, run: str = "") -> TrainingSettings:
    return read_settings(made_config(place, folder, steps=steps, edit=edit, run=run))


class InTurn(torch.utils.data.Dataset[Example]):
    """A few examples over and over."""

    def __init__(self, examples: list[Example]) -> None:
        self.examples = examples

    def __getitem__(self, number: int) -> Example:
        return self.examples[number % len(self.examples)]


@pytest.mark.long
def test_it_learns_to_tell_lesions_that_are_there_from_those_that_are_not(tmp_path: Path, folder: Path) -> None:
    settings = settings_of(tmp_path, folder, steps=80)
    optimiser = settings.optimiser.model_copy(update={"learning_rate": 4e-3, "presence_weight": 5.0})
    settings = settings.model_copy(update={"optimiser": optimiser})
    there, gone = (made_examples(2, lesions=1, implant=1.0, vanished=share)[0] for share in (0.0, 1.0))
    assert gone.truth_mm == (None,)
    trainer = Trainer(settings, new_net(settings)[0], InTurn([there, gone]))
    trainer.calibrate()

    def says(example: Example) -> float:
        with torch.no_grad():
            presence = trainer.net.answer(example.inputs).presence
        assert presence is not None
        return float(presence[0])

    assert says(there) - says(gone) < 0.5
    trainer.run(lambda _: None)
    assert says(there) > 0.5
    assert says(gone) < -0.5


def test_a_run_starts_beside_weights_without_the_head_only_where_that_is_asked_for(
    tmp_path: Path, folder: Path
) -> None:
    plain, _ = new_net(settings_of(tmp_path, folder, edit=""))
    save_tracker(plain, tmp_path / "start", {"name": "start", "steps": 7})
    start = f'initial_weights = "{tmp_path / "start"}"'
    with pytest.raises(InputError, match=r"presence=False.*presence=True.*run\.fitting takes what fits"):
        new_net(settings_of(tmp_path, folder, run=start))
    net, calibrating = new_net(settings_of(tmp_path, folder, run=f"{start}\nfitting = true"))
    assert not calibrating  # all normalisations came along
    given = load_tracker(tmp_path / "start", "cpu").net.state_dict()
    for name, value in net.state_dict().items():
        assert name.startswith("present.") or torch.equal(value, given[name])
    wider = "growth = 8=>growth = 12"
    other, calibrating = new_net(settings_of(tmp_path, folder, edit=wider, run=f"{start}\nfitting = true"))
    assert calibrating
    assert torch.equal(other.state_dict()["weight"], given["weight"])
    with pytest.raises(InputError, match="growth=8"):
        new_net(settings_of(tmp_path, folder, edit=wider, run=start))


def test_weights_and_card_are_written_at_every_checkpoint_and_a_full_disk_costs_only_these(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain, _ = new_net(settings_of(tmp_path, folder, edit=""))
    save_tracker(plain, tmp_path / "start", {"name": "start", "steps": 7})
    run = f'initial_weights = "{tmp_path / "start"}"\nfitting = true\ncheckpoint_seconds = 1e-6\nvalidation_pairs = 1'
    steps: list[int] = []

    def save(net: TrackerNet, place: Path, card: dict) -> dict:
        steps.append(card["steps"])
        if card["steps"] == 2:
            raise OSError(28, "No space left on device")
        return save_tracker(net, place, card)

    monkeypatch.setattr(run_module, "save_tracker", save)
    with caplog.at_level(logging.ERROR):
        train(settings_of(tmp_path, folder, run=run), "test")
    assert steps == [1, 2, 3, 4, 4, 4]  # each checkpoint, the end, and the end with its figures
    assert [record.message.split(": ")[-1] for record in caplog.records] == ["No space left on device; the run goes on"]
    card = load_tracker(tmp_path / "run/model", "cpu").card
    assert card["parent"]["name"] == "start"
    assert card["parent"]["steps"] == 7
    assert card["parent"]["taken"] == "what fits"
    assert card["config"]["presence"] is True
