"""The rows "detector + embedding": candidates round the affine point, and of them the nearest to the lesion's embedding.

The strategy of finding lesions first and matching them then; detectors and embeddings are this project's own.
"""

import itertools
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.peers.app_methods import app_method
from benchmarks.peers.candidates import Candidates, find_candidates
from benchmarks.peers.detector import DetectorNet, short_numbers
from benchmarks.peers.detector_weights import load_net
from benchmarks.peers.embedding import LENGTH, EmbeddingNet
from benchmarks.peers.peer import FindPoints, Peer, Seconds, own_code
from lesion_tracker.arrays import PointMm, PointsMm
from lesion_tracker.network.inputs import hu_source, windowed
from lesion_tracker.network.lattice import search_grid, template_grid
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.tracking.search import SEARCH_VOXELS
from lesion_tracker.volumes.grid import Grid

logger = logging.getLogger(__name__)

DETECTORS = {"3d": "detector-3d", "2.5d": "detector-2.5d"}
EMBEDDING = "embedding-image-position"
"""The folders of the parts."""

SEEN = {"image": False, "image, position": True}
"""Whether the position enters; it is one network, trained with it."""

OWN_CODE = ("candidates", "detector", "detector_peer", "detector_targets", "embedding")
NOTE = (
    "candidates of a RetinaNet on our backbone ({mode}) within 48 mm of the affine point, the nearest of them in an "
    "embedding of {sees}; learned from implants; without a candidate the affine point"
)


def detector_peers(weights: Path) -> list[Peer]:
    """Return the four rows; those without weights say which are missing.

    Args:
        weights: folder of folders.

    Raises:
        WeightsError: for weights that are there but torn, or of another network.
    """
    return [_peer(mode, sees, weights) for mode, sees in itertools.product(DETECTORS, SEEN)]


def _peer(mode: str, sees: str, weights: Path) -> Peer:
    name, note = f"detector {mode} + embedding ({sees})", NOTE.format(mode=mode, sees=sees.replace(", ", " and "))
    parts = [DETECTORS[mode], EMBEDDING]
    if missing := [part for part in parts if not (weights / part).is_dir()]:
        return Peer(
            name, note, None, f"not trained: no weights in {' and '.join(f'weights/{part}' for part in missing)}"
        )
    detector, detector_card = load_net(weights / parts[0], DetectorNet)
    embedding, embedding_card = load_net(weights / parts[1], EmbeddingNet)
    decided_by = {
        "detector": detector_card["sha256"],
        "embedding": embedding_card["sha256"],
        "modules": own_code(*OWN_CODE),
    }
    return Peer(name, note, matching(detector, embedding, SEEN[sees]), decided_by=decided_by)


def matching(detector: DetectorNet, embedding: EmbeddingNet, position: bool) -> FindPoints:
    """Return the peer's function.

    Args:
        detector: of candidates.
        embedding: of places.
        position: whether the position enters.
    """
    affine = app_method("affine")

    def find(pair: Pair, lesions: Sequence[Lesion]) -> tuple[PointsMm, Seconds]:
        expected, seconds = affine(pair, lesions)
        points, took = [], []
        for lesion, place in zip(lesions, expected, strict=True):
            started = time.perf_counter()
            points.append(_locate(detector, embedding, position, pair, lesion, place))
            took.append(time.perf_counter() - started)
        further = None if seconds.further is None else seconds.further + float(np.mean(took[1:]))
        return np.array(points), Seconds(seconds.first + took[0], further)

    return find


def _locate(
    detector: DetectorNet, embedding: EmbeddingNet, position: bool, pair: Pair, lesion: Lesion, expected: PointMm
) -> PointMm:
    grid = search_grid(expected, SEARCH_VOXELS)
    hu = hu_source(pair.followup)(grid)
    found = find_candidates(detector, hu, grid)
    found = found[pair.followup.grid.contains(found[:, :3])]
    if not len(found):
        logger.warning("no candidate near %s for lesion %s: the affine point answers", expected.round(1), lesion.id)
        return expected
    likeness = products(embedding, pair, lesion, expected, hu, grid, found)
    best = int(likeness[1 if position else 0].argmax())
    logger.info("lesion %s: candidate %d of %d, score %.2f", lesion.id, best + 1, len(found), found[best, 4])
    return np.asarray(found[best, :3])


def products(
    embedding: EmbeddingNet,
    pair: Pair,
    lesion: Lesion,
    expected: PointMm,
    hu: torch.Tensor,
    grid: Grid,
    found: Candidates,
) -> torch.Tensor:
    """Return how near each candidate's vector is to the lesion's, (2, candidates): by the image, and with the position.

    Args:
        embedding: of places.
        pair: both studies.
        lesion: in the baseline.
        expected: its affine point in the follow-up.
        hu: of the search crop.
        grid: the search crop.
        found: candidates in it.
    """
    template = template_grid(np.array(lesion.center_mm))
    middle = np.mean(pair.followup.grid.bounds_mm(), axis=0)
    with torch.inference_mode(), short_numbers():
        before = embedding.psi(windowed(hu_source(pair.baseline)(template)))
        after = embedding.psi(windowed(hu))
    with torch.inference_mode():
        wanted = embedding.embed(before, template, np.array([lesion.center_mm]), expected[None] - middle)
        there = embedding.embed(after, grid, found[:, :3], found[:, :3] - middle)
    return torch.stack([there[:, :LENGTH] @ wanted[0, :LENGTH], there @ wanted[0]])
