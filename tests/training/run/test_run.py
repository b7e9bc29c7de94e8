"""A run: it learns, goes on after being killed, shares gradients, refuses bad settings, and leaves weights with a card."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from lesion_tracker.commands.dispatch import main
from lesion_tracker.errors import FileFormatError, InputError, LesionTrackerError
from lesion_tracker.network.cells import score_target
from lesion_tracker.network.weights import load_tracker
from lesion_tracker.training.examples.example import Example, _targets
from lesion_tracker.training.run.checkpoint import changed_settings, only_run, read_checkpoint, write_checkpoint
from lesion_tracker.training.run.loop import Trainer
from lesion_tracker.training.run.run import train
from lesion_tracker.training.run.settings import OptimiserSection, read_settings
from lesion_tracker.training.run.start import new_net
from lesion_tracker.training.run.step import StepReport
from tests.training.made import made_config, made_examples, made_folder
from tests.training.run.gradients import gradients

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).resolve().parents[3]
MAIN = ROOT / "apps/lesion_tracker/main.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_folder(tmp_path_factory.mktemp("prepared") / "data", pairs=True)


@pytest.mark.long
def test_a_run_killed_between_two_checkpoints_ends_with_the_same_weights(tmp_path: Path, folder: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for place in (killed, whole):
        place.mkdir()
    edit = "warmup = 2=>warmup = 2\ndecay = 0.5"
    config = made_config(killed, folder, steps=8, run="checkpoint_seconds = 0.001", edit=edit)
    command = [sys.executable, str(MAIN), "train", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 900
    while not (killed / "run/checkpoint.pt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    stopped = read_checkpoint(killed / "run")
    assert stopped is not None
    assert 0 < stopped["step"] < 8
    train(read_settings(config), "test")
    train(read_settings(made_config(whole, folder, steps=8, edit=edit)), "test")
    first, second = read_checkpoint(killed / "run"), read_checkpoint(whole / "run")
    assert first is not None
    assert second is not None
    assert first["step"] == second["step"] == 8
    for part in ("net", "average"):
        assert all(torch.equal(first[part][name], value) for name, value in second[part].items())
    assert any(bool((value != stopped["net"][name]).any()) for name, value in first["net"].items())


class OneExample(torch.utils.data.Dataset[Example]):
    """The same example at every number; with a seed, its true place is another one each time."""

    def __init__(self, example: Example, shuffled: bool) -> None:
        self.example, self.shuffled = example, shuffled

    def __getitem__(self, number: int) -> Example:
        if not self.shuffled:
            return self.example
        grid = self.example.inputs.search_grid
        low, high = grid.bounds_mm()
        place = np.random.default_rng(number).uniform(low + 5, high - 5)
        targets, places = _targets(grid, place, 6.0, 3.5)
        return Example(self.example.inputs, targets[None], places[None], (place,))


@pytest.mark.long
@pytest.mark.parametrize("shuffled", [False, True])
def test_one_pair_is_learned_to_a_millimetre_and_shuffled_places_are_not(
    tmp_path: Path, folder: Path, shuffled: bool
) -> None:
    edit = "warmup = 2=>warmup = 5\nlearning_rate = 4e-3\nema = 0.9"
    settings = read_settings(made_config(tmp_path, folder, steps=120, edit=edit))
    torch.set_num_threads(1)
    one = made_examples(2, lesions=1)[1]
    net, _ = new_net(settings)
    trainer = Trainer(settings, net, OneExample(one, shuffled))
    trainer.calibrate()
    errors: list[float] = []

    def remember(report: StepReport) -> None:
        errors.append(report.error_mm)

    trainer.run(remember)
    if shuffled:
        assert np.mean(errors[-20:]) > 8.0
    else:
        assert max(errors[-5:]) < 1.0


@pytest.mark.long
def test_two_processes_have_the_gradients_of_one_with_the_double_batch(tmp_path: Path, folder: Path) -> None:
    unclipped = "warmup = 2=>warmup = 2\nclip = 1e9"  # a clipped norm is the same for a sum and for a mean
    config = made_config(tmp_path, folder, steps=1, edit=unclipped)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = []
    for rank in range(2):
        environment = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
        environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
        script = [
            sys.executable,
            str(ROOT / "tests/training/run/gradients.py"),
            str(config),
            str(tmp_path / f"{rank}.pt"),
        ]
        both.append(subprocess.Popen(script, env={**os.environ, **environment}))
    assert [process.wait(900) for process in both] == [0, 0]
    (tmp_path / "one").mkdir()
    alone = gradients(made_config(tmp_path / "one", folder, steps=1, edit=unclipped + "\nbatch = 2"))
    norm = float(torch.cat([value.flatten() for value in alone.values()]).norm())
    assert norm > OptimiserSection().clip
    for rank in range(2):
        shared = torch.load(tmp_path / f"{rank}.pt")
        assert shared.keys() == alone.keys()
        for name, value in alone.items():
            # sums of float32 in another order
            assert torch.allclose(shared[name], value, rtol=1e-3, atol=1e-5 * float(value.abs().max()) + 1e-9), name


def test_a_full_disk_keeps_the_last_good_checkpoint_and_the_run(tmp_path: Path) -> None:
    code = f"""
import resource
import torch
from pathlib import Path
from lesion_tracker.training.run.checkpoint import read_checkpoint, write_checkpoint
folder = Path({str(tmp_path)!r})
assert write_checkpoint(folder, {{"step": 1, "weights": torch.zeros(1000)}})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
print(write_checkpoint(folder, {{"step": 2, "weights": torch.zeros(1_000_000)}}))
print(read_checkpoint(folder)["step"], sorted(p.name for p in folder.iterdir()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["False", "1 ['checkpoint.pt']"]


def test_a_torn_checkpoint_is_named(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, {"step": 1})
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FileFormatError, match=r"checkpoint\.pt cannot be read"):
        read_checkpoint(tmp_path)


def test_a_second_training_in_the_same_folder_is_refused(tmp_path: Path, folder: Path) -> None:
    settings = read_settings(made_config(tmp_path, folder))
    with only_run(tmp_path / "run"), pytest.raises(InputError, match="another training is writing to"):
        train(settings, "test")
    assert not (tmp_path / "run/checkpoint.pt").exists()


BAD = {
    "unknown key": ("warmup = 2=>wormup = 2", r"optimiser\.wormup.*got 2"),
    "wrong value": ("steps = 4=>steps = 0", r"optimiser\.steps.*got 0"),
    "no block multiple": ("[64, 64, 24]=>[64, 60, 24]", r"template_voxels|multiple of \(16, 16, 2\).*\(64, 60, 24\)"),
    "even kernel": ("[3, 5, 5]=>[3, 4, 5]", r"network.*\(3, 4, 5\)"),
    "shares above 1": ('validation = ["held_out"]=>constructed = 0.9\nself_supervised = 0.3', r"0\.9.*0\.3"),
    "in both": (
        'validation = ["held_out"]=>validation = ["first"]\nstudies = ["first"]',
        "'first'.* training and for validation",
    ),
    "unknown study": (
        'validation = ["held_out"]=>validation = ["held_out"]\nstudies = ["nobody"]',
        r"^data\.studies: .*no prepared study 'nobody'",
    ),
    "nothing left": ('["held_out"]=>["first", "second", "held_out"]', "no study to train on"),
    "no validation": ('validation = ["held_out"]=>', r"run\.validate_every is 2, but data\.validation names no study"),
    "unknown validation study": ('["held_out"]=>["nobody"]', r"^data\.validation: .*no prepared study 'nobody'"),
    "missing weights": (
        'threads = 1=>threads = 1\ninitial_weights = "/nowhere"',
        r"^run\.initial_weights: there are no published weights: /nowhere",
    ),
    "missing imagenet": (
        'threads = 1=>threads = 1\nimagenet = "/nowhere.pth"',
        r"^run\.imagenet: there are no ImageNet weights at /nowhere\.pth",
    ),
    "two starts": ('threads = 1=>threads = 1\nimagenet = "/a"\ninitial_weights = "/b"', r"/b.*imagenet /a"),
    "missing proposals": (
        '[network]=>proposals = "/nowhere.json"\n[network]',
        r"data\.proposals: there is no file /nowhere\.json",
    ),
    "unknown pair": (
        "[network]=>constructed = 0.5\nsupervised = ['nobody']\n[network]",
        r"^data\.supervised: .*no prepared pairs \['nobody'\]",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_fail_before_the_first_step_with_name_and_value(tmp_path: Path, folder: Path, name: str) -> None:
    edit, message = BAD[name]
    config = made_config(tmp_path, folder, run="validate_every = 2", edit=edit)
    with pytest.raises(LesionTrackerError, match=message):
        train(read_settings(config), "test")
    assert not (tmp_path / "run/checkpoint.pt").exists()


def test_cuda_is_refused_where_there_is_none(tmp_path: Path, folder: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(InputError, match=r"run\.device is 'cuda'"):
        train(read_settings(made_config(tmp_path, folder, edit='device = "cpu"=>device = "cuda"')), "test")


def test_bad_prepared_folders_fail_before_the_first_step(tmp_path: Path) -> None:
    place = tmp_path / "data"
    config = made_config(tmp_path, place)
    with pytest.raises(FileFormatError, match="holds no prepared studies"):
        train(read_settings(config), "test")
    made_folder(place)
    index = (place / "prepared.json").read_text()
    (place / "prepared.json").write_text(index.replace("40.0", "400.0", 1))
    with pytest.raises(FileFormatError, match=r"first: the lesion at \[400\.0, 42\.0, 38\.0\].*outside its volume"):
        train(read_settings(config), "test")
    (place / "prepared.json").write_text(index.replace("0.5,", "NaN,", 1))
    with pytest.raises(FileFormatError, match="three finite numbers"):
        train(read_settings(config), "test")
    (place / "prepared.json").write_text('{"schema": 1, "studies": []}')
    with pytest.raises(FileFormatError, match="names no study"):
        train(read_settings(config), "test")
    (place / "prepared.json").write_text(index)
    hu = np.load(place / "first.npy").astype(np.float32)
    hu[3, 3, 3] = np.nan
    np.save(place / "first.npy", hu)
    with pytest.raises(FileFormatError, match="'first' is float32"):
        train(read_settings(config), "test")
    (place / "second.npy").unlink()
    (place / "first.npy").unlink()
    with pytest.raises(FileFormatError, match=r"'first' in .* cannot be read"):
        train(read_settings(config), "test")


def test_errors_of_the_command_are_one_line_and_exit_code_2(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["train", str(tmp_path / "none.toml")]) == 2
    assert "there is no training configuration" in capsys.readouterr().err
    (tmp_path / "torn.toml").write_text("[data")
    assert main(["train", str(tmp_path / "torn.toml")]) == 2
    assert "is no TOML file" in capsys.readouterr().err


@pytest.mark.long
def test_a_run_validates_writes_tensorboard_and_leaves_weights_with_a_card(tmp_path: Path, folder: Path) -> None:
    run = "validate_every = 2\nvalidation_pairs = 2\ncheckpoint_seconds = 1"
    edit = "picture_every = 0=>picture_every = 2"
    config = made_config(tmp_path, folder, steps=4, workers=1, run=run, edit=edit)
    config.write_text(config.read_text() + '\n[data.licences]\nfirst = "CC BY 4.0"\n')
    train(read_settings(config), "main.py train config.toml")
    tracker = load_tracker(tmp_path / "run/model", "cpu")
    card = tracker.card
    assert [entry["name"] for entry in card["data"]] == ["first", "second"]
    assert [entry["licence"] for entry in card["data"]] == ["CC BY 4.0", "not stated"]
    assert card["steps"] == 4
    assert card["command"] == "main.py train config.toml"
    assert card["validation"]["all"]["n"] == 2
    state = read_checkpoint(tmp_path / "run")
    assert state is not None
    for name, value in tracker.net.state_dict().items():
        assert torch.allclose(value, state["average"][name], rtol=1e-3, atol=1e-4), name  # kernels are kept as float16
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    assert [event.step for event in board.Scalars("train/loss")] == [1, 2, 3, 4]
    assert [event.step for event in board.Scalars("validation/med_mm")] == [2, 4]
    assert [event.step for event in board.Images("train/template_search_score")] == [2, 4]


@pytest.mark.long
def test_training_needs_neither_scipy_nor_readers_nor_tqdm_nor_tensorboard(tmp_path: Path, folder: Path) -> None:
    absent = "scipy SimpleITK itk pydicom tqdm tensorboard PIL picsl_greedy monailabel fastapi matplotlib nibabel nrrd"
    config = made_config(
        tmp_path,
        folder,
        steps=2,
        run="validation_pairs = 1",
        edit="[network]=>constructed = 0.4\nself_supervised = 0.3\n[network]",
    )
    code = f"""
import sys
from importlib.machinery import PathFinder
class Bare(PathFinder):
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name.split(".")[0] in {absent.split()!r} else PathFinder.find_spec(name, path, target)
sys.meta_path[:] = [Bare if finder is PathFinder else finder for finder in sys.meta_path]
from lesion_tracker.training.examples import self_supervised
from lesion_tracker.commands.dispatch import main
sys.exit(main(["train", {str(config)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not installed: no TensorBoard files" in done.stderr
    assert "step 2 of 2" in done.stderr
    assert (tmp_path / "run/model/weights.safetensors").exists()


def test_the_learning_rate_rises_stays_and_falls_to_zero() -> None:
    settings = OptimiserSection(steps=100, learning_rate=1.0, warmup=10, decay=0.3)
    assert settings.rate_of(0) == pytest.approx(0.1)
    assert settings.rate_of(50) == 1.0
    assert settings.rate_of(85) == pytest.approx(0.5)
    assert settings.rate_of(100) == 0.0


def test_going_on_with_other_settings_is_said(tmp_path: Path, folder: Path) -> None:
    before = read_settings(made_config(tmp_path, folder)).model_dump(mode="json")
    after = read_settings(made_config(tmp_path, folder, edit="warmup = 2=>warmup = 7"))
    assert changed_settings(before, after) == ["optimiser.warmup was 2, is 7"]
    assert changed_settings({}, after) == []


def test_a_checkpoint_without_settings_still_loads(tmp_path: Path, folder: Path) -> None:
    settings = read_settings(made_config(tmp_path, folder))
    net, _ = new_net(settings)
    examples = made_examples(2)
    trainer = Trainer(settings, net, examples)
    trainer.save()
    state = read_checkpoint(tmp_path / "run")
    assert state is not None
    del state["settings"], state["network"]["backbone"]  # as the first versions wrote it
    write_checkpoint(tmp_path / "run", state)
    assert Trainer(settings, new_net(settings)[0], examples).resume()


def test_the_target_of_a_shuffled_example_is_a_real_one() -> None:
    grid = made_examples(2)[0].inputs.search_grid
    low, high = grid.bounds_mm()
    assert torch.equal(_targets(grid, (low + high) / 2, 6.0, 3.5)[0], score_target(grid, (low + high) / 2, 6.0))
