"""Checkpoints of a run: written whole or not at all, and never by two runs at once."""

import fcntl
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.files.whole import remove_drafts, write_bytes
from lesion_tracker.training.run.settings import TrainingSettings

logger = logging.getLogger(__name__)

NAME = "checkpoint.pt"


def write_checkpoint(folder: Path, state: dict[str, Any]) -> bool:
    """Replace the run's checkpoint; on a full disk the last good one stays, and the run goes on.

    Args:
        folder: of the run.
        state: tensors, numbers and dictionaries of them.

    Returns:
        Whether it was written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        memory = io.BytesIO()  # torch's own writer ends the process on a full disk
        torch.save(state, memory)
        write_bytes(memory.getbuffer(), folder / NAME, durable=True)
    except (OSError, RuntimeError) as error:
        logger.error("no checkpoint was written to %s (%s); the last good one stays", folder, error)
        return False
    return True


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the run's checkpoint, or return None where there is none.

    Raises:
        FileFormatError: if it is torn.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen types for a torn file
        raise FileFormatError(f"{path} cannot be read: torn, or no checkpoint ({error})") from None
    return state


def changed_settings(before: dict[str, Any], now: TrainingSettings) -> list[str]:
    """Return what differs between a checkpoint's settings and these, section by section, as sentences."""
    after = now.model_dump(mode="json")
    return [
        f"{section}.{key} was {before[section][key]!r}, is {value!r}"
        for section in ("data", "optimiser", "scenario")
        for key, value in after[section].items()
        if key in before.get(section, {}) and before[section][key] != value
    ] + [
        f"run.{key} was {before['run'][key]!r}, is {after['run'][key]!r}"
        for key in ("seed", "precision")
        if key in before.get("run", {}) and before["run"][key] != after["run"][key]
    ]


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the run's folder; the lock goes with the process, so a killed run leaves none.

    Raises:
        InputError: if another training holds it, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / "lock").open("a")
    except OSError as error:
        raise InputError(f"the run's folder {folder} cannot be written to: {error.strerror}") from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another training is writing to {folder}; choose another output folder or stop it"
            ) from None
        remove_drafts(folder)
        yield
