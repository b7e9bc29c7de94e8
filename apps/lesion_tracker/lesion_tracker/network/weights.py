"""A model is a file with a card: saved so that no reader sees half of it, and checked when loaded."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors

from lesion_tracker.errors import WeightsError
from lesion_tracker.files.whole import write_bytes, write_text
from lesion_tracker.network.config import SPACING_MM, STRIDES, TEMPLATE_VOXELS, WINDOWS_HU, NetworkConfig
from lesion_tracker.network.tracker import Tracker, tracker_from_net
from lesion_tracker.network.tracker_net import TrackerNet

__all__ = ["Tracker", "load_tracker", "save_tracker"]

WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "card.json"

SCHEMA = 1
ARCHITECTURE = "deep-lesion-tracker-3d/1"
"""Changes when the same tensors would mean something else."""

_INPUT: dict[str, Any] = {
    "spacing_mm": list(SPACING_MM),
    "strides": [list(stride) for stride in STRIDES],
    "windows_hu": [list(window) for window in WINDOWS_HU],
    "template_voxels": list(TEMPLATE_VOXELS),
}
"""What the network reads, along x, y, z; weights that were trained on another input are useless here."""

WRITTEN_BY_SAVING = {"schema", "architecture", "config", "input", "sha256", "bytes"}
"""Keys of a card that say what the weights are; all others are the caller's."""


def save_tracker(net: TrackerNet, folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Write a network and its card into `folder`; a reader sees the old model or the new one, or notices the seam.

    Kernels are stored as float16, vectors (statistics, scales, biases, W) as float32: a variance may be smaller than
    float16 resolves. The weights are written before the card that names their hash.

    Args:
        net: the network.
        folder: made if it does not exist.
        card: what else the card says: "name", training data with licences, scores with the data they were measured on.

    Returns:
        The whole card as written.

    Raises:
        WeightsError: if a weight is not finite, or too large for float16.
        ValueError: if the caller's card uses a key that is written here.
        OSError: if the folder cannot be written to.
    """
    packed = pack_tracker(net, card)
    packed.write(folder)
    return packed.card


@dataclass(frozen=True)
class PackedTracker:
    """A network as its two files hold it.

    Args:
        data: of the weights file.
        card: the whole card; it names the hash of the data.
    """

    data: bytes
    card: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write both files; a folder that is not there is made.

        Raises:
            OSError: if it cannot be written to.
        """
        text = json.dumps(self.card, indent=2, allow_nan=False) + "\n"
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self.data, folder / WEIGHTS_FILE, durable=True)
        write_text(text, folder / CARD_FILE, durable=True)


def pack_tracker(net: TrackerNet, card: dict[str, Any]) -> PackedTracker:
    """Return what `save_tracker` writes; the same arguments and errors."""
    taken = WRITTEN_BY_SAVING & card.keys()
    if taken:
        raise ValueError(f"the card's keys {sorted(taken)} are written by save_tracker; choose other names")
    data = bytes_from_tensors({key: _stored(key, tensor) for key, tensor in net.state_dict().items()})
    whole = {
        "schema": SCHEMA,
        "name": "lesion-tracker",
        **card,
        "architecture": ARCHITECTURE,
        "config": net.config.to_json(),
        "input": _INPUT,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }
    return PackedTracker(data, whole)


def load_tracker(folder: Path, device: str = "auto") -> Tracker:
    """Load published weights.

    Args:
        folder: holds `weights.safetensors` and `card.json`.
        device: "auto", "cpu", "cuda" or "cuda:<number>".

    Raises:
        WeightsError: if there are none, if a file is torn, or if they belong to another network.
        ValueError: for a device that this machine does not have.
    """
    card = _read_card(folder)
    data = _read_weights(folder, card)
    try:
        net = TrackerNet(NetworkConfig.from_json(card["config"]))
    except ValueError as error:
        raise WeightsError(
            f"the card in {folder} describes a network that this version cannot build: {error}"
        ) from None
    _fill(net, data, folder)
    return tracker_from_net(net, name=str(card["name"]), sha256=card["sha256"], card=card, device=device)


def _stored(key: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor as it is stored."""
    values = tensor.detach().cpu()
    if values.ndim >= 2:
        values = values.to(torch.float16)
    if not bool(torch.isfinite(values).all()):
        raise WeightsError(
            f"weight {key!r} is not finite as {values.dtype}: the training diverged; nothing was written"
        )
    return values.contiguous()


def _read_card(folder: Path) -> dict[str, Any]:
    """Read the card and check that it describes this version's network."""
    path = folder / CARD_FILE
    if not path.is_file():
        raise WeightsError(f"there are no published weights: {path} does not exist")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise WeightsError(f"{path} is torn or is no JSON: {error}") from None
    if not isinstance(card, dict):
        raise WeightsError(f"{path} is no model card: it holds a {type(card).__name__}")
    missing = sorted((WRITTEN_BY_SAVING | {"name"}) - card.keys())
    if missing:
        raise WeightsError(f"{path} is no model card of this app: it lacks {missing}")
    expected = {"schema": SCHEMA, "architecture": ARCHITECTURE, "input": _INPUT}
    for key, value in expected.items():
        if card[key] != value:
            raise WeightsError(f"the weights in {folder} are of another network: {key} is {card[key]!r}, not {value!r}")
    if not isinstance(card["config"], dict):
        raise WeightsError(f"{path} has no sizes of a network: config is {card['config']!r}")
    return card


def _read_weights(folder: Path, card: dict[str, Any]) -> bytes:
    """Read the weights file and check that it is the one that the card names."""
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise WeightsError(f"there are no published weights: {path} does not exist, although there is a card")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) != card["bytes"]:
        raise WeightsError(f"{path} is torn: it has {len(data)} bytes, its card says {card['bytes']}")
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != card["sha256"]:
        raise WeightsError(f"{path} is torn or not the file that its card names: sha256 {sha256}, not {card['sha256']}")
    return data


def _fill(net: TrackerNet, data: bytes, folder: Path) -> None:
    """Put the stored tensors into the network, which must want exactly these."""
    try:
        tensors = tensors_from_bytes(data)
    except SafetensorError as error:
        raise WeightsError(f"{folder / WEIGHTS_FILE} is no safetensors file: {error}") from None
    wanted = net.state_dict()
    unknown, missing = sorted(tensors.keys() - wanted.keys()), sorted(wanted.keys() - tensors.keys())
    if unknown or missing:
        raise WeightsError(
            f"the weights in {folder} are of another network than their card says: "
            f"unknown tensors {unknown[:3]}, missing tensors {missing[:3]}"
        )
    for key, tensor in tensors.items():
        if tensor.shape != wanted[key].shape:
            raise WeightsError(
                f"the weights in {folder} do not fit their card: {key} has shape {tuple(tensor.shape)}, "
                f"the network wants {tuple(wanted[key].shape)}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsError(f"the weights in {folder} are damaged: {key} is not finite")
    net.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
