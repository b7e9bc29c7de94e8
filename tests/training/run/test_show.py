"""What a run shows, and that a full disk costs neither the run nor its last good checkpoint."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lesion_tracker.training.run.checkpoint import read_checkpoint
from lesion_tracker.training.run.run import train
from lesion_tracker.training.run.settings import read_settings
from lesion_tracker.training.run.show import Display
from lesion_tracker.training.run.step import StepReport
from tests.training.made import made_config, made_examples, made_folder

ROOT = Path(__file__).resolve().parents[3]


def report(step: int) -> StepReport:
    example = made_examples(2)[0]
    return StepReport(step, 1.25, 7.5, 1e-3, 60.0, example, torch.zeros(example.targets.shape))


class FullDisk:
    """A TensorBoard writer whose file cannot grow."""

    def __init__(self) -> None:
        self.tried = 0

    def add_scalar(self, *_: object) -> None:
        self.tried += 1
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_board_that_cannot_be_written_is_given_up_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    display, board = Display(tmp_path, 9, 0, 0), FullDisk()
    assert display._board is not None
    display._board.close()
    display._board = board
    with caplog.at_level(logging.WARNING):
        display.step(report(1))
        display.step(report(2))
        display.close()
    assert board.tried == 1
    assert len([r for r in caplog.records if "TensorBoard's files cannot be written" in r.message]) == 1


def test_the_bar_has_loss_error_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    display = Display(tmp_path, 4, 1, 0)
    display.step(report(2))
    display.step(report(3))
    display.close()
    last = capsys.readouterr().err.replace("\r", "\n")
    assert "loss 1.250, error 7.5 mm" in last
    assert "3/4" in last
    assert "<" in last  # tqdm's elapsed<left
    assert display._bar.total == 4


@pytest.mark.long
def test_a_whole_run_on_a_full_disk_goes_on_to_its_last_step_and_keeps_checkpoint_and_weights(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    quick = 'validation = ["held_out"]=>'  # without a validation
    train(read_settings(made_config(tmp_path, folder, steps=2, run="validate_every = 0", edit=quick)), "test")
    weights = (tmp_path / "run/model/weights.safetensors").read_bytes()
    more = "validate_every = 0\ncheckpoint_seconds = 1e-3"
    config = made_config(tmp_path, folder, steps=5, run=more, edit=quick)
    code = f"""
import resource, sys
from lesion_tracker.commands.dispatch import main
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
sys.exit(main(["train", {str(config)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert "step 5 of 5" in done.stderr, done.stderr
    assert done.stderr.count("TensorBoard's files cannot be written") == 1
    assert "no checkpoint was written" in done.stderr
    assert done.returncode == 2  # weights without room for them: said in one line
    assert "the weights cannot be written to" in done.stderr
    state = read_checkpoint(tmp_path / "run")
    assert state is not None
    assert state["step"] == 2
    assert (tmp_path / "run/model/weights.safetensors").read_bytes() == weights
