"""VoxelMorph as a peer: a network that registers the pair after the app's affine, in one pass."""

from pathlib import Path

import numpy as np

from benchmarks.peers.on_grid import aligned, as_map
from benchmarks.peers.peer import Peer, PointMap, by_map, own_code
from benchmarks.peers.voxelmorph_net import SPACING_MM, RegistrationNet, displacement
from benchmarks.peers.voxelmorph_weights import load_weights
from lesion_tracker.tracking.pair import Pair

NAME = "voxelmorph"
NOTE = "MONAI's VoxelMorph on 4 mm voxels, after the app's affine"
MOST_VOXELS = 2e6
"""A whole trunk; bounds memory to about 2 GB."""

OWN_CODE = ("net_files", "voxelmorph", "voxelmorph_net", "voxelmorph_weights")
"""The files that decide an answer, beside the weights and what all peers share."""


def voxelmorph_peer(device: str, folder: Path) -> Peer:
    """Return the row.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:<number>".
        folder: of its weights; without it the row says so.

    Raises:
        WeightsError: for weights that are there, but torn or of another network.
    """
    if not folder.is_dir():
        return Peer(NAME, NOTE, None, f"not trained: no weights in weights/{folder.name}")
    net, card = load_weights(folder, device)
    note = f"{NOTE}; trained on constructed pairs of {len(card['studies'])} studies for {card['steps']:,} steps"

    def point_map(pair: Pair) -> PointMap:
        return voxelmorph_map(net, pair)

    return Peer(NAME, note, by_map(point_map), decided_by={"weights": card["sha256"], "own": own_code(*OWN_CODE)})


def voxelmorph_map(net: RegistrationNet, pair: Pair) -> PointMap:
    """Register a pair.

    Raises:
        RegistrationFailed: if the affine fails.
    """
    affine, part = aligned(pair, SPACING_MM, MOST_VOXELS)
    voxels = displacement(net, part.fixed.image.hu, part.moved.image.hu)
    return as_map(affine, part, np.ascontiguousarray(voxels[..., ::-1]) * part.fixed.image.spacing_mm)
