"""The networks of the peers on disk: tensors, and a card that names their hash; each is written whole."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors
from torch import nn

from lesion_tracker.errors import WeightsError
from lesion_tracker.files.whole import write_bytes, write_text
from lesion_tracker.network.weights import CARD_FILE, WEIGHTS_FILE


def write_net(net: nn.Module, folder: Path, card: dict[str, Any], kernels: torch.dtype) -> dict[str, Any]:
    """Write a network, then its card.

    Args:
        net: the network.
        folder: made if it does not exist.
        card: all but the hash and the size of the tensors.
        kernels: type that tensors of two and more axes are stored in; vectors stay float32.

    Returns:
        The whole card.

    Raises:
        WeightsError: if a weight is not finite; nothing is written then.
    """
    data = bytes_from_tensors({key: _stored(key, value, kernels) for key, value in net.state_dict().items()})
    whole = {**card, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    text = json.dumps(whole, indent=2, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(data, folder / WEIGHTS_FILE, durable=True)
    write_text(text, folder / CARD_FILE, durable=True)
    return whole


def read_card(folder: Path) -> dict[str, Any]:
    """Read a card.

    Raises:
        WeightsError: if it is missing, torn or no JSON object.
    """
    path = folder / CARD_FILE
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is missing, torn or no JSON: {error}") from None
    if not isinstance(card, dict):
        raise WeightsError(f"{path} is no card of a network: it holds a {type(card).__name__}")
    return card


def read_tensors(folder: Path, card: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Read the tensors that a card names, as float32.

    Raises:
        WeightsError: if they are missing, torn or another file's.
        SafetensorError: if the file is no file of tensors.
    """
    path = folder / WEIGHTS_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} is missing or cannot be read, although there is a card: {error}") from None
    found = hashlib.sha256(data).hexdigest()
    if found != card["sha256"]:
        raise WeightsError(
            f"{path} is torn or not the file that its card names: {len(data)} bytes with sha256 {found}, "
            f"not {card['sha256']}"
        )
    return {key: value.float() for key, value in tensors_from_bytes(data).items()}


def _stored(key: str, tensor: torch.Tensor, kernels: torch.dtype) -> torch.Tensor:
    values = tensor.detach().cpu().to(kernels if tensor.ndim >= 2 else torch.float32)
    if not bool(torch.isfinite(values).all()):
        raise WeightsError(
            f"weight {key!r} is not finite as {values.dtype}: the training diverged; nothing was written"
        )
    return values.contiguous()
