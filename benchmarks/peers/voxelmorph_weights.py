"""VoxelMorph's weights and their card: written whole, and refused when they are torn or another network's."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from benchmarks.peers.net_files import read_card, read_tensors, write_net
from benchmarks.peers.voxelmorph_net import SPACING_MM, WINDOWS_HU, RegistrationNet, Sizes
from lesion_tracker.errors import WeightsError
from lesion_tracker.network.precision import choose_device

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
    head = {"schema": SCHEMA, "name": NAME, "config": net.sizes.to_json(), "input": INPUT}
    return write_net(net, folder, {**head, **card}, torch.float32)


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
    try:
        net = RegistrationNet(Sizes.from_json(card["config"]))
        net.load_state_dict(read_tensors(folder, card))
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(f"the weights in {folder} are of another network than their card says: {error}") from None
    return net.to(choose_device(device)).eval(), card


def _card(folder: Path) -> dict[str, Any]:
    card = read_card(folder)
    expected = {"schema": SCHEMA, "name": NAME, "input": INPUT}
    for key, value in expected.items():
        if card.get(key) != value:
            raise WeightsError(
                f"the weights in {folder} are of another network: {key} is {card.get(key)!r}, not {value!r}"
            )
    if missing := sorted({"config", "sha256", "steps", "studies"} - card.keys()):
        raise WeightsError(f"the card in {folder} is no card of {NAME}: it lacks {missing}")
    return card
