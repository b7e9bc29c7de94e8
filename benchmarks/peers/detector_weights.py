"""Weights of the detectors and embeddings with their cards: written whole, and checked when they are read."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors

from benchmarks.peers.detector import DetectorNet
from benchmarks.peers.embedding import EmbeddingNet
from lesion_tracker.errors import WeightsError
from lesion_tracker.files.whole import write_bytes, write_text

WEIGHTS_FILE, CARD_FILE = "weights.safetensors", "card.json"
ARCHITECTURES = {DetectorNet: "ball-detector/1", EmbeddingNet: "place-embedding/1"}
"""Change when the same tensors would mean something else."""

Net = TypeVar("Net", DetectorNet, EmbeddingNet)


def save_net(net: DetectorNet | EmbeddingNet, folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Write a network and its card; kernels as float16, vectors as float32.

    Args:
        net: the network.
        folder: made if it does not exist.
        card: what else the card says.

    Returns:
        The whole card as written.

    Raises:
        WeightsError: if a weight is not finite; nothing is written.
    """
    tensors = {key: _stored(key, value) for key, value in net.state_dict().items()}
    data = bytes_from_tensors(tensors)
    whole = {
        **card,
        "architecture": ARCHITECTURES[type(net)],
        "config": net.config,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }
    text = json.dumps(whole, indent=2, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(data, folder / WEIGHTS_FILE, durable=True)
    write_text(text, folder / CARD_FILE, durable=True)
    return whole


def load_net(folder: Path, kind: type[Net]) -> tuple[Net, dict[str, Any]]:
    """Read a network and its card, ready to answer.

    Raises:
        WeightsError: if a file is missing or torn, or belongs to another network.
    """
    card = _read_card(folder, ARCHITECTURES[kind])
    try:
        data = (folder / WEIGHTS_FILE).read_bytes()
    except OSError as error:
        raise WeightsError(f"{folder / WEIGHTS_FILE} cannot be read, although there is a card: {error}") from None
    found = hashlib.sha256(data).hexdigest()
    if found != card["sha256"]:
        raise WeightsError(
            f"{folder / WEIGHTS_FILE} is torn or not the file that its card names: {len(data)} bytes with sha256 {found}, "
            f"not {card['bytes']} with {card['sha256']}"
        )
    build: Callable[[dict[str, Any]], Net] = kind.from_config
    try:
        net = build(card["config"])
        net.load_state_dict({key: value.float() for key, value in tensors_from_bytes(data).items()})
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(f"the weights in {folder} are of another network than their card says: {error}") from None
    return net.to(memory_format=torch.channels_last_3d).eval(), card  # type: ignore[call-overload]


def _stored(key: str, tensor: torch.Tensor) -> torch.Tensor:
    values = tensor.detach().cpu()
    values = values.to(torch.float16) if values.ndim >= 2 else values
    if not bool(torch.isfinite(values).all()):
        raise WeightsError(
            f"weight {key!r} is not finite as {values.dtype}: the training diverged; nothing was written"
        )
    return values.contiguous()


def _read_card(folder: Path, architecture: str) -> dict[str, Any]:
    path = folder / CARD_FILE
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read: {error}") from None
    missing = {"architecture", "config", "sha256", "bytes"} - (card.keys() if isinstance(card, dict) else set())
    if missing:
        raise WeightsError(f"{path} is no card of a network: it lacks {sorted(missing)}")
    if card["architecture"] != architecture:
        raise WeightsError(f"the weights in {folder} are of {card['architecture']!r}, not of {architecture!r}")
    return card
