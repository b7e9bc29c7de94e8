"""VoxelMorph's weights and their card: written whole, and refused when they are torn or another network's."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors

from benchmarks.peers.voxelmorph_net import SPACING_MM, WINDOWS_HU, RegistrationNet, Sizes
from lesion_tracker.errors import WeightsError
from lesion_tracker.files.whole import write_bytes, write_text
from lesion_tracker.network.precision import choose_device

WEIGHTS_FILE, CARD_FILE = "weights.safetensors", "card.json"
SCHEMA = 1
NAME = "voxelmorph"
INPUT: dict[str, Any] = {"spacing_mm": SPACING_MM, "windows_hu": [list(window) for window in WINDOWS_HU]}
"""Weights that were trained on another input are useless here."""


def save_weights(net: RegistrationNet, folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Write a network, then its card that names the hash.

    Args:
        net: the network.
        folder: made if it does not exist.
        card: what else the card says.

    Returns:
        The whole card.

    Raises:
        WeightsError: if a weight is not finite; nothing is written then.
    """
    tensors = {key: value.detach().cpu().float().contiguous() for key, value in net.state_dict().items()}
    for key, value in tensors.items():
        if not bool(torch.isfinite(value).all()):
            raise WeightsError(f"weight {key!r} is not finite: the training diverged; nothing was written")
    data = bytes_from_tensors(tensors)
    head = {"schema": SCHEMA, "name": NAME, "config": net.sizes.to_json(), "input": INPUT}
    whole = {**head, **card, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    text = json.dumps(whole, indent=2, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(data, folder / WEIGHTS_FILE, durable=True)
    write_text(text, folder / CARD_FILE, durable=True)
    return whole


def load_weights(folder: Path, device: str = "auto") -> tuple[RegistrationNet, dict[str, Any]]:
    """Return the network, ready to answer, and its card.

    Args:
        folder: holds `weights.safetensors` and `card.json`.
        device: "auto", "cpu", "cuda" or "cuda:<number>".

    Raises:
        WeightsError: if a file is missing or torn, or belongs to another network.
        ValueError: for a device that this machine does not have.
    """
    card = _card(folder)
    path = folder / WEIGHTS_FILE
    data = path.read_bytes() if path.is_file() else b""
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != card["sha256"]:
        raise WeightsError(
            f"{path} is missing, torn or not the file that its card names: "
            f"{len(data)} bytes with sha256 {sha256}, not {card['sha256']}"
        )
    try:
        net = RegistrationNet(Sizes.from_json(card["config"]))
        net.load_state_dict(tensors_from_bytes(data))
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(f"the weights in {folder} are of another network than their card says: {error}") from None
    return net.to(choose_device(device)).eval(), card


def _card(folder: Path) -> dict[str, Any]:
    path = folder / CARD_FILE
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is missing, torn or no JSON: {error}") from None
    expected = {"schema": SCHEMA, "name": NAME, "input": INPUT}
    for key, value in expected.items():
        found = card.get(key) if isinstance(card, dict) else card
        if found != value:
            raise WeightsError(f"the weights in {folder} are of another network: {key} is {found!r}, not {value!r}")
    if missing := sorted({"config", "sha256", "steps", "studies"} - card.keys()):
        raise WeightsError(f"{path} is no card of {NAME}: it lacks {missing}")
    return card
