"""What a run shows: a progress bar, TensorBoard's scalars and pictures, and a log; the first two are optional."""

import importlib.util
import logging
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lesion_tracker.training.run.panel import example_panel
from lesion_tracker.training.run.step import StepReport
from lesion_tracker.training.run.validation import Validation

logger = logging.getLogger(__name__)

MEMORY_STEPS = 50
"""Shown loss and error are running means over this many steps."""

LOG_SECONDS = 15.0


class Display:
    """Shows the steps of a run; names the packages that are absent, and does without them.

    A disk that is full ends TensorBoard's files, not the run.

    Args:
        folder: of TensorBoard's files.
        steps: of the whole run.
        done: steps that are done already.
        picture_every: steps between pictures; 0 draws none.
    """

    def __init__(self, folder: Path, steps: int, done: int, picture_every: int) -> None:
        self.picture_every = picture_every
        self._loss: list[float] = []
        self._error: list[float] = []
        self._logged = -math.inf
        self._steps = steps
        self._bar = _bar(steps, done)
        self._board = _board(folder, done)

    def step(self, report: StepReport) -> None:
        """Show one step."""
        self._loss = [*self._loss, report.loss][-MEMORY_STEPS:]
        if not math.isnan(report.error_mm):
            self._error = [*self._error, report.error_mm][-MEMORY_STEPS:]
        loss, error = float(np.mean(self._loss)), float(np.mean(self._error)) if self._error else math.nan
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {loss:.3f}, error {error:.1f} mm", refresh=False)
            self._bar.update(1)
        elif time.monotonic() - self._logged > LOG_SECONDS or report.step == self._steps:
            left = f"{report.seconds_left / 60:.0f} min left"
            logger.info("step %d of %d: loss %.3f, error %.1f mm, %s", report.step, self._steps, loss, error, left)
            self._logged = time.monotonic()
        self._on_board(lambda board: self._write(board, report))

    def validation(self, step: int, found: Validation) -> None:
        """Show a validation."""
        logger.info("validation at step %d: %s", step, found.sentence())
        self._on_board(lambda board: _write_validation(board, step, found))

    def close(self) -> None:
        """Finish the bar and TensorBoard's file."""
        if self._bar is not None:
            self._bar.close()
        self._on_board(lambda board: board.close())

    def _on_board(self, write: Callable[[Any], None]) -> None:
        if self._board is None:
            return
        try:
            write(self._board)
        except OSError as error:
            _say_no_board(error)
            self._board = None

    def _write(self, board: Any, report: StepReport) -> None:
        board.add_scalar("train/loss", report.loss, report.step)
        board.add_scalar("train/learning_rate", report.learning_rate, report.step)
        if not math.isnan(report.error_mm):
            board.add_scalar("train/error_mm", report.error_mm, report.step)
        if self.picture_every and report.step % self.picture_every == 0:
            panel = example_panel(report.example, report.logits)
            board.add_image("train/template_search_score", panel, report.step, dataformats="HWC")


def _write_validation(board: Any, step: int, found: Validation) -> None:
    for name, value in found.all.to_json().items():
        board.add_scalar(f"validation/{name}", value, step)
    if found.hard is not None:
        board.add_scalar("validation/hard_cpm_at_10mm", found.hard.cpm_at_10mm, step)
    board.flush()


def _say_no_board(error: OSError) -> None:
    logger.warning("TensorBoard's files cannot be written (%s): the run goes on without them", error)


def _bar(steps: int, done: int) -> Any:
    """Return tqdm's bar on a terminal; else None, and lines are logged instead."""
    if not sys.stderr.isatty():
        return None
    if importlib.util.find_spec("tqdm") is None:
        logger.info("tqdm is not installed: a line every %.0f s instead of a progress bar", LOG_SECONDS)
        return None
    from tqdm import tqdm

    return tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True, smoothing=0.05)


def _board(folder: Path, done: int) -> Any:
    absent = [name for name in ("tensorboard", "PIL") if importlib.util.find_spec(name) is None]
    if absent:
        logger.info("%s is not installed: no TensorBoard files are written", " and ".join(absent))
        return None
    from torch.utils.tensorboard import SummaryWriter

    try:
        return SummaryWriter(str(folder / "tensorboard"), purge_step=done + 1, max_queue=50)
    except OSError as error:
        _say_no_board(error)
        return None
