"""Weights of the detectors and embeddings with their cards: which network they are of is checked when they are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError

from benchmarks.peers.detector import DetectorNet
from benchmarks.peers.embedding import EmbeddingNet
from benchmarks.peers.net_files import read_card, read_tensors, write_net
from lesion_tracker.errors import WeightsError

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
    whole = {**card, "architecture": ARCHITECTURES[type(net)], "config": net.config}
    return write_net(net, folder, whole, torch.float16)


def load_net(folder: Path, kind: type[Net]) -> tuple[Net, dict[str, Any]]:
    """Read a network and its card, ready to answer.

    Raises:
        WeightsError: if a file is missing or torn, or belongs to another network.
    """
    card = read_card(folder)
    if missing := sorted({"architecture", "config", "sha256", "bytes"} - card.keys()):
        raise WeightsError(f"the card in {folder} is no card of a network: it lacks {missing}")
    if card["architecture"] != ARCHITECTURES[kind]:
        raise WeightsError(f"the weights in {folder} are of {card['architecture']!r}, not of {ARCHITECTURES[kind]!r}")
    build: Callable[[dict[str, Any]], Net] = kind.from_config
    try:
        net = build(card["config"])
        net.load_state_dict(read_tensors(folder, card))
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(f"the weights in {folder} are of another network than their card says: {error}") from None
    return net.to(memory_format=torch.channels_last_3d).eval(), card  # type: ignore[call-overload]
